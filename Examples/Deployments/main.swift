// A worker that is deployed while its workflows are open. BUILD says which of its builds this is; DATABASE, where its workflows are.

import Foundation
import Perdure
import PerdureCommand
import PerdurePostgres
import PerdureSQLite

let environment = ProcessInfo.processInfo.environment
let database = environment["DATABASE"] ?? "deployments.db"

await PerdureCommand.main(store: database.contains("://") ? .postgres(database) : .sqlite(database)) {
    Delivery(build: environment["BUILD"].flatMap(Build.init) ?? .first)
}
