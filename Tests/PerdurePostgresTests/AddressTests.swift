@testable internal import PerdurePostgres
internal import Testing

@Suite struct AddressTests {
    private func values(_ address: ServerAddress, _ host: Int = 0) -> [String: String] {
        Dictionary(address.parameters(beginningWith: host).map { ($0.keyword, $0.value) }) { $1 }
    }

    @Test func `the host that worked last is tried first, and keeps what belongs to it`() {
        let address = ServerAddress("postgresql://one:1,two,three:3/shop?hostaddr=10.0.0.1,10.0.0.2,10.0.0.3")
        #expect(values(address)["host"] == nil)
        let second = values(address, 1)
        #expect(second["host"] == "two,three,one" && second["hostaddr"] == "10.0.0.2,10.0.0.3,10.0.0.1")
        #expect(second["port"] == ",3,1")
        #expect(address.index(ofHost: "three", port: "3") == 2)
        #expect(address.index(ofHost: "two", port: "5432") == 1)
        #expect(address.index(ofHost: "four", port: "3") == 0)
        #expect(values(address, 7)["host"] == nil)
    }

    @Test func `one port is that of all hosts`() {
        let address = ServerAddress("host=a,b port=7 dbname=x")
        #expect(values(address, 1)["host"] == "b,a" && values(address, 1)["port"] == "7,7")
        #expect(address.index(ofHost: "b", port: "7") == 1)
        // Where the addresses stand alone.
        let bare = ServerAddress("hostaddr=10.0.0.1,10.0.0.2 dbname=x")
        #expect(bare.index(ofHost: "10.0.0.2", port: "5432") == 1)
        #expect(values(bare, 1)["hostaddr"] == "10.0.0.2,10.0.0.1" && values(bare, 1)["host"] == nil)
    }

    @Test func `of several hosts none is waited for as long as for a single one`() {
        #expect(values(ServerAddress("postgresql://one/shop"))["connect_timeout"] == "10")
        #expect(values(ServerAddress("postgresql://one,two/shop"))["connect_timeout"] == "3")
        #expect(values(ServerAddress("postgresql://one,two/shop?connect_timeout=7"))["connect_timeout"] == nil)
        #expect(values(ServerAddress("postgresql://one,two/shop"))["target_session_attrs"] == "read-write")
    }

    @Test func `where the log says too little the restart is looked at`() {
        let one = ServerIdentity(system: 1, timeline: "00000001", boot: 5, position: 100)
        var two = one
        (two.boot, two.position) = (6, 200)
        #expect(one.difference(to: two, acknowledged: 150) == nil)
        #expect(one.difference(to: two, acknowledged: 250) != nil)
        // Others have written since: the log is long enough, and what this one had confirmed may be gone.
        var forgetful = one
        forgetful.forgets = true
        #expect(forgetful.difference(to: two, acknowledged: 150) != nil)
        two.boot = 5
        #expect(forgetful.difference(to: two, acknowledged: 150) == nil)
    }
}
