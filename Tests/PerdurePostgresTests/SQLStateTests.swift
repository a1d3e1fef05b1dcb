internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite struct SQLStateTests {
    @Test(arguments: [
        ("22021", StoreError.Code.rejected), ("23505", .rejected), ("42P01", .rejected), ("54000", .rejected), ("0A000", .rejected),
        ("40001", .transient), ("40P01", .transient), ("55P03", .transient), ("57014", .transient), ("XX000", .transient),
        ("08006", .unavailable), ("57P01", .unavailable), ("57P03", .unavailable), ("25006", .unavailable), ("25P03", .unavailable),
        ("53100", .full), ("53300", .full), ("58030", .full), ("PD001", .fenced), ("28P01", .misconfigured), ("3D000", .misconfigured),
        ("P0001", .rejected),
    ])
    func `a code says what is to be done`(_ state: String, _ code: StoreError.Code) {
        #expect(SQLState.code(state) == code)
        #expect(StoreError(ServerFailure(state: state, message: "m")).nativeCode == state)
    }

    @Test func `without a code the connection was lost`() {
        #expect(StoreError(ServerFailure(state: nil, message: "server closed the connection\n")).code == .unavailable)
        #expect(StoreError(ServerFailure(state: "26000", message: "no such statement")).message.contains("pooler"))
    }

    @Test func `identities differ by cluster, timeline and lost log`() {
        let one = ServerIdentity(system: 1, timeline: "00000001", boot: 5, position: 100)
        var other = one
        other.position = 90
        #expect(one.difference(to: other, acknowledged: 95) != nil)
        #expect(one.difference(to: other, acknowledged: 80) == nil)
        other.timeline = "00000002"
        #expect(one.difference(to: other, acknowledged: 0) != nil)
        other = one
        other.system = 2
        #expect(one.difference(to: other, acknowledged: 0) != nil)
        other = one
        other.boot = 6
        #expect(one.difference(to: other, acknowledged: 0) == nil)
        let (quiet, restarted) = (ServerIdentity(boot: 5), ServerIdentity(boot: 6))
        #expect(quiet.difference(to: restarted, acknowledged: 0) != nil)
    }

    @Test func `a cursor keeps what its position passed until it has ended`() {
        var cursor = TransactionCursor()
        cursor.advance(to: (50, 7), inProgress: [40, 60], next: 61)
        #expect(cursor.transaction == 50 && cursor.number == 7 && cursor.late == [40])
        cursor.advance(to: (61, 1), inProgress: [40, 60, 62], next: 63)
        #expect(cursor.late == [40, 60])
        cursor.advance(to: nil, inProgress: [60], next: 64)
        #expect(cursor.transaction == 61 && cursor.late == [60])
        cursor.advance(to: nil, inProgress: [], next: 64, keepLate: true)
        #expect(cursor.late == [60])
        // A restored dump holds transactions that this server has not come to.
        cursor.advance(to: (9_000, 1), inProgress: [], next: 70)
        #expect(cursor.transaction == 70 && cursor.number == -1 && cursor.late == [])
    }

    @Test func `hints become payloads and hints again`() {
        #expect(WakeupMessage.payloads([.ready, .inbox, .ready]) == ["r", "i"])
        let numbers = (1...900).map { Int64.max - $0 }
        let payloads = WakeupMessage.payloads([.ended(numbers)])
        #expect(payloads.count == 3 && payloads.allSatisfy { $0.utf8.count < 8000 })
        let back = payloads.flatMap { payload -> [WorkflowNumber] in
            if case .ended(let numbers) = WakeupMessage.wakeup(payload) { numbers } else { [] }
        }
        #expect(back == numbers)
        #expect(WakeupMessage.payloads([.ended(Array(repeating: 1, count: 5000)), .ready]) == ["*"])
        #expect(WakeupMessage.wakeup("rubbish of somebody's") == .ready)
        #expect(WakeupMessage.wakeup("exyz") == .everything && WakeupMessage.wakeup("") == .everything)
    }

    @Test func `names of any kind come through as hints`() {
        let limits = [
            LimitID(queue: "work"), LimitID(queue: "a:b,c", key: ""), LimitID(queue: "é", key: "k\u{1F600}:,"),
            LimitID(queue: "q", key: "k"),
        ]
        let payloads = WakeupMessage.payloads([.freed(Array(limits[..<2])), .freed(Array(limits[2...]))])
        #expect(payloads.map(WakeupMessage.wakeup) == [.freed(limits)])
        // As many as fit.
        let many = WakeupMessage.payloads([.freed((0..<20).map { LimitID(queue: String(repeating: "x", count: 500), key: "\($0)") })])
        #expect(many.count == 1 && many[0].utf8.count < 8_000)
        guard case .freed(let some) = WakeupMessage.wakeup(many[0]) else { return #expect(Bool(false), "\(many)") }
        #expect(some.count > 3)
        for payload in ["fx", "f0", "f80", "f61:0"] { #expect(WakeupMessage.wakeup(payload) == .everything) }
    }
}
