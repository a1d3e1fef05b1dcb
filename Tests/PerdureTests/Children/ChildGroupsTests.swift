import Testing

@testable import Perdure

struct ChildGroupsTests {
    private let blocks = [
        ChildBlock(first: 100, count: 3, index: 0, onClose: 1), ChildBlock(first: 50, count: 2, index: 3, onClose: 1),
        ChildBlock(first: 200, count: 1, index: 5, onClose: 1),
    ]

    @Test func `numbers and places belong together`() {
        let numbers: [WorkflowNumber] = [100, 101, 102, 50, 51, 200]
        for (index, number) in numbers.enumerated() {
            #expect(blocks.number(at: index) == number)
            #expect(blocks.index(of: number) == index)
        }
        #expect(blocks.number(at: 6) == nil)
        #expect(blocks.number(at: -1) == nil)
        for stranger: WorkflowNumber in [49, 52, 99, 103, 199, 201] { #expect(blocks.index(of: stranger) == nil) }
    }

    @Test func `what arrives while the database is asked is asked for again`() {
        var groups = ChildGroups()
        for block in blocks { groups.add(block, to: "g") }
        expect(&groups, arrived: [])
        groups.want("g", "g/ended")
        #expect(groups.awaited == ["g"])
        expect(&groups, arrived: [])
        expect(&groups, isEmpty: true, answers: "ask")
        expect(&groups, isEmpty: true, answers: "wait")
        expect(&groups, arrived: ["g"])
        expect(&groups, isEmpty: false, answers: "give")
        #expect(groups.awaited == [])
        expect(&groups, arrived: [])
        expect(&groups, isEmpty: false, answers: "drop")
    }

    private func expect(_ groups: inout ChildGroups, isEmpty: Bool, answers expected: String) {
        let answer = "\(groups.answered("g", isEmpty: isEmpty))"
        #expect(answer.hasPrefix(expected))
    }

    private func expect(_ groups: inout ChildGroups, arrived expected: [String]) {
        let asked = groups.arrived()
        #expect(asked == expected)
    }

    @Test func `a group is open until each end was given`() {
        var groups = ChildGroups()
        #expect(!groups.hasOpen)
        for block in blocks { groups.add(block, to: "g") }
        groups.gave(5, of: "g")
        #expect(groups.hasOpen)
        groups.gave(1, of: "g")
        #expect(!groups.hasOpen)
    }

    @Test func `it is asked to cancel once`() {
        var groups = ChildGroups()
        groups.add(blocks[0], to: "g")
        let claims = [groups.claimCancel("g"), groups.claimCancel("g"), groups.claimCancel("another")]
        #expect(claims == [true, false, false])
    }
}
