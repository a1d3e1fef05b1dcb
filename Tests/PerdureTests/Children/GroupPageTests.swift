import Testing

@testable import Perdure

struct GroupPageTests {
    @Test func `whatever children return comes back as it was`() throws {
        let payloads: [EncodedPayload?] = [
            nil, .void, EncodedPayload(codec: 1, bytes: Array(#"{"a":[1,"]},[",2.50]}"#.utf8)),
            EncodedPayload(codec: 1, bytes: Array("\"ü\"".utf8)),
            EncodedPayload(codec: 17, bytes: [0, 255, 34, 93]), EncodedPayload(codec: -3, bytes: []),
        ]
        let members = payloads.enumerated().map { index, payload in
            GroupMember(index: index * 100_000, status: OutcomeStatus.allCases[index % OutcomeStatus.allCases.count], payload: payload)
        }
        #expect(GroupPage.members(GroupPage.encoded(members)) == members)
    }

    @Test func `the row is JSON that people can read`() throws {
        let page = GroupPage.encoded([
            GroupMember(index: 3, status: .completed, payload: EncodedPayload(codec: 1, bytes: Array(#"{"a":1}"#.utf8))),
            GroupMember(index: 0, status: .terminated),
        ])
        #expect(page.codec == 1)
        #expect(String(decoding: page.bytes, as: UTF8.self) == #"[[3,1,1,7,{"a":1}],[0,4]]"#)
    }

    @Test(arguments: [
        "", "[]", "[[1,1]", "[[1,9]]", "[[1,1,1,50,2]]", "[[1,1,1,-1,2]]", "[[1,1]]x", "[[99999999999999999999,1]]", "[[1,1,7,3,***]]",
    ])
    func `what is no page is not read as one`(text: String) {
        #expect(GroupPage.members(EncodedPayload(codec: 1, bytes: Array(text.utf8))) == nil)
    }

    @Test func `a row that starts children names their group, whatever their type is called`() {
        for name in ["Resize", "a/start", "b/start/ended", "@c", "d#2"] {
            for occurrence in 1...2 {
                let group = Names.occurrence(Names.group(name), occurrence)
                for count in 1...3 { #expect(Names.group(ofStart: Names.occurrence(Names.start(ofGroup: group), count)) == group) }
            }
        }
        #expect(Names.group(ofStart: "@child:Resize") == nil)
        #expect(Names.group(ofStart: "@children:Resize/ended") == nil)
    }
}
