internal import Foundation
internal import Perdure
internal import ReplayPrograms

let arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
let status = await Commands.run(arguments)
exit(status)
