// swift-tools-version: 6.2
import PackageDescription

/// What every target of the package is compiled with.
///
/// A misspelled feature name is accepted without a word: copy, do not type.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    // ThreadSanitizer does not see `Synchronization.Mutex` on Linux; `Lock` is a pthread mutex there.
    .define("PERDURE_TSAN", .when(configuration: .debug, traits: ["ThreadSanitizer"])),
]

let package = Package(
    name: "perdure",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Perdure", targets: ["Perdure"]),
        .library(name: "PerdurePostgres", targets: ["PerdurePostgres"]),
        .library(name: "PerdureSQLite", targets: ["PerdureSQLite"]),
        .library(name: "PerdureMemory", targets: ["PerdureMemory"]),
        .library(name: "PerdureTesting", targets: ["PerdureTesting"]),
        .library(name: "PerdureCommand", targets: ["PerdureCommand"]),
        .executable(name: "perdure", targets: ["PerdureCommandLine"]),
    ],
    traits: [
        .trait(name: "ThreadSanitizer", description: "Locks that ThreadSanitizer understands; for tests only.")
    ],
    targets: [
        // What a user writes against, and the engine that runs it. Knows no C library and no SQL dialect.
        .target(name: "Perdure", swiftSettings: strict),

        // One store a target, so that a user of one needs no header of another.
        .target(name: "PerdurePostgres", dependencies: ["Perdure", "CLibPQ"], swiftSettings: strict),
        .target(name: "PerdureSQLite", dependencies: ["Perdure", "CSQLite"], swiftSettings: strict),
        .target(name: "PerdureMemory", dependencies: ["Perdure"], swiftSettings: strict),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),

        // What tests of workflows use. The in-memory store is not in it: it is of use without tests, too.
        .target(name: "PerdureTesting", dependencies: ["Perdure"], swiftSettings: strict),

        // The command line of an application's own executable. It needs no store but the one that it is given.
        .target(name: "PerdureCommand", dependencies: ["Perdure"], swiftSettings: strict),

        .executableTarget(
            name: "PerdureCommandLine", dependencies: ["Perdure", "PerdureCommand", "PerdurePostgres", "PerdureSQLite"],
            swiftSettings: strict),

        // What `./run demo` and `./run bench` run.
        .executableTarget(
            name: "Shop", dependencies: ["Perdure", "PerdurePostgres", "PerdureSQLite"], path: "Examples/Shop", swiftSettings: strict),
        // The program of the getting-started guide, word for word.
        .executableTarget(
            name: "GettingStarted", dependencies: ["Perdure", "PerdureSQLite"], path: "Examples/GettingStarted", swiftSettings: strict),
        // One program in several builds, of which one must not be deployed.
        .executableTarget(
            name: "Deployments", dependencies: ["Perdure", "PerdureCommand", "PerdurePostgres", "PerdureSQLite"],
            path: "Examples/Deployments", swiftSettings: strict),
        // What people build, each as short as it can be; run as tests.
        .target(name: "Patterns", dependencies: ["Perdure"], path: "Examples/Patterns", swiftSettings: strict),
        .executableTarget(
            name: "Benchmarks", dependencies: ["Perdure", "PerdurePostgres", "PerdureSQLite", "PerdureMemory", "CSQLite"],
            path: "Benchmarks", swiftSettings: strict),

        .testTarget(
            name: "PerdureTests", dependencies: ["Perdure", "PerdureCommand", "PerdureMemory", "PerdureTesting", "ReplayPrograms"],
            swiftSettings: strict),
        .testTarget(
            name: "StoreConformanceTests", dependencies: ["Perdure", "PerdureMemory", "PerdureSQLite", "PerdurePostgres"],
            swiftSettings: strict),
        // The engine on the stores that run SQL: transactions, outboxes, handles of other processes.
        .testTarget(
            name: "EngineOnStoresTests", dependencies: ["Perdure", "PerdureSQLite", "PerdurePostgres", "PerdureTesting", "Patterns"],
            swiftSettings: strict),
        .testTarget(name: "PerdureSQLiteTests", dependencies: ["Perdure", "PerdureSQLite", "CSQLite"], swiftSettings: strict),
        .testTarget(name: "PerdurePostgresTests", dependencies: ["Perdure", "PerdurePostgres", "CLibPQ"], swiftSettings: strict),
        // Tests of built executables, most of which they kill.
        .testTarget(
            name: "CrashTests",
            dependencies: [
                "Perdure", "PerdureSQLite", "PerdurePostgres", "PerdureCommandLine", "PerdureCommand", "Shop", "CrashWorker", "Deployments",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "CrashWorker", dependencies: ["Perdure", "PerdurePostgres", "PerdureSQLite"], path: "Tests/CrashWorker",
            swiftSettings: strict),
        // Misfortunes of processes and servers, and the count of what is lost by them.
        .executableTarget(name: "Torture", dependencies: ["Perdure", "PerdurePostgres"], path: "Tests/Torture", swiftSettings: strict),
        // Random workflow programs and what runs them, for the tests and for `ReplayFuzz`.
        .target(
            name: "ReplayPrograms", dependencies: ["Perdure", "PerdureMemory", "PerdureTesting"], path: "Tests/ReplayPrograms",
            swiftSettings: strict),
        // Random programs, recorded by one build and replayed by another.
        .executableTarget(
            name: "ReplayFuzz", dependencies: ["Perdure", "PerdureMemory", "ReplayPrograms"], path: "Tests/ReplayFuzz",
            swiftSettings: strict),
    ]
)
