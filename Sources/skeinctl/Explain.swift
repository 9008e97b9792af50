// SPDX-License-Identifier: Apache-2.0
// Explain: one connection of a mesh, decided as it would be, and told as a person would want to read it.

import Format
import Mesh
import World

enum Explain {
  static func run(_ request: Request) throws(Misuse) -> Int32 {
    let reading: Reading
    do {
      reading = try Reading(request.values["manifests"] ?? [], settings: request.settings)
    } catch {
      Terminal.complain(error)
      return 2
    }
    // What cannot be read may be what would have decided.
    for problem in reading.problems where problem.severity == .error { Terminal.say("skeinctl: \(problem)") }
    let asked = Asked(world: reading.world, settings: request.settings)
    let caller = try asked.caller(request.value("from") ?? "", isPlaintext: request.has("plaintext"))
    let called = try asked.called(request.value("to") ?? "", by: caller)
    var dice = Dice(seed: 1)
    let rehearsal = reading.world.rehearse(
      from: caller, to: called.endpoint,
      under: RouteOptions(bypassesMissingWaypoint: request.settings.bypassesMissingWaypoint),
      network: request.settings.network, dice: &dice)
    let story = Story(rehearsal, caller: caller, called: called, in: reading)
    if request.value("output") == "json" {
      Terminal.tell(story.json.pretty)
    } else {
      story.tell(on: Terminal(color: request.value("color")))
    }
    return story.status
  }
}
