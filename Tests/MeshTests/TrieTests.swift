// SPDX-License-Identifier: Apache-2.0
// The trie is a set with keys, and an old version of it stays what it was.

import Testing

@testable import Mesh

@Suite struct TrieTests {
  struct Entry: Keyed, Equatable {
    let key: Key
    let value: Int
  }

  /// A key whose hash the test chooses.
  struct Key: Hashable, Sendable {
    let name: Int
    let crowd: Int
    func hash(into hasher: inout Hasher) { hasher.combine(crowd) }
  }

  @Test(arguments: [1, 40, 100_000])
  func isADictionaryWhoseOldVersionsStay(crowds: Int) {
    var dice = Dice(seed: UInt64(crowds))
    var trie = Trie<Entry>()
    var model: [Key: Int] = [:]
    var old: [(trie: Trie<Entry>, model: [Key: Int])] = []
    for step in 0..<6000 {
      let name = Int(dice.below(400))
      let key = Key(name: name, crowd: name % crowds)
      if dice.below(step < 3000 ? 4 : 2) == 0 {
        #expect(trie.remove(key)?.value == model.removeValue(forKey: key))
      } else {
        #expect(trie.put(Entry(key: key, value: step))?.value == model.updateValue(step, forKey: key))
      }
      if step % 1000 == 999 { old.append((trie, model)) }
    }
    for (trie, model) in old {
      var seen: [Key: Int] = [:]
      trie.forEach { seen[$0.key] = $0.value }
      #expect(seen == model)
      #expect(trie.count == model.count)
      #expect(model.allSatisfy { trie.find($0.key)?.value == $0.value })
    }
  }

  @Test func emptiesItself() {
    var trie = Trie<Entry>()
    let keys = (0..<5000).map { Key(name: $0, crowd: $0) }
    for key in keys { trie.put(Entry(key: key, value: 0)) }
    for key in keys { trie.remove(key) }
    #expect(trie.count == 0)
    #expect(trie.find(keys[0]) == nil)
  }
}
