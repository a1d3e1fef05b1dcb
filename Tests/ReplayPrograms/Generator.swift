/// Makes a program from its seed.
package struct Generator {
    private var random: Seeded
    private var budget: Int
    private let generations: Int

    package static func program(_ input: ProgramInput) -> Program {
        var generator = Generator(random: Seeded(input.seed), budget: max(1, input.size), generations: input.generations)
        let isCancelled = generator.random.chance(20)
        let passesOn = generator.random.chance(35)
        var operations: [Operation] = []
        while generator.budget > 0 { operations.append(generator.operation(depth: 0, isAlone: true)) }
        return Program(operations: operations, passesOn: passesOn, isCancelled: isCancelled)
    }

    private mutating func block(_ depth: Int, isAlone: Bool) -> [Operation] {
        (0...random.below(3)).map { _ in operation(depth: depth + 1, isAlone: isAlone) }
    }

    private mutating func blocks(_ depth: Int, atLeast least: Int) -> [[Operation]] {
        (0..<(least + random.below(3))).map { _ in block(depth, isAlone: false) }
    }

    /// - Parameter isAlone: Nothing of the same name can be outstanding at the same time.
    private mutating func operation(depth: Int, isAlone: Bool) -> Operation {
        budget -= 1
        if depth > 4 || budget <= 0 { return leaf(isAlone) }
        switch random.below(100) {
        case ..<40: return leaf(isAlone)
        case ..<49: return .behind(random.pick(Helper.allCases), depth: random.below(4), block(depth, isAlone: isAlone))
        case ..<54: return .caught(block(depth, isAlone: isAlone))
        case ..<62:
            return .asyncLet(
                block(depth, isAlone: false), block(depth, isAlone: false), beside: block(depth, isAlone: false),
                random.pick(Awaited.allCases))
        case ..<76: return .group(random.pick(GroupKind.allCases), blocks(depth, atLeast: 1), groupEnd())
        case ..<84: return .race(step(isAlone: false), microseconds: random.below(1500))
        case ..<88: return child()
        case ..<91: return .ledger((0...random.below(3)).map { _ in step(isAlone: false) })
        case ..<94: return .stream(blocks(depth, atLeast: 1))
        case ..<96: return .handled(block(depth, isAlone: isAlone))
        case ..<98: return .patched(block(depth, isAlone: isAlone), block(depth, isAlone: isAlone))
        default: return .either(block(depth, isAlone: isAlone), block(depth, isAlone: isAlone))
        }
    }

    private mutating func groupEnd() -> GroupEnd { random.chance(60) ? .awaitAll : random.pick(GroupEnd.allCases) }

    private mutating func leaf(_ isAlone: Bool) -> Operation {
        switch random.below(100) {
        case ..<62: .step(step(isAlone: isAlone))
        case ..<70: .transaction(transaction(isAlone: isAlone))
        case ..<80: .sleep(microseconds: random.below(1200))
        case ..<88: .draw
        case ..<95: .yield
        default: .fail(random.below(5))
        }
    }

    private mutating func step(isAlone: Bool) -> StepPlan {
        // A few without an id at the same time as others: the error is part of the path.
        var plan = StepPlan(name: random.pick(["ship", "charge", "mail"]), hasID: random.chance(isAlone ? 30 : 96))
        plan.hops = random.chance(50) ? random.below(4) : 0
        plan.isSlow = random.chance(25)
        plan.endsWhenCancelled = random.chance(60)
        if random.chance(12) {
            plan.fault = random.pick([.registered, .unregistered, .cancellation])
            plan.failures = 1 + random.below(2)
            plan.attempts = 1 + random.below(3)
        }
        if random.chance(5) { plan.timeout = .microseconds(300 + random.below(2000)) }
        return plan
    }

    private mutating func transaction(isAlone: Bool) -> StepPlan {
        var plan = StepPlan(name: random.pick(["book", "count"]), hasID: random.chance(isAlone ? 30 : 97))
        if random.chance(10) {
            plan.fault = random.pick([.registered, .unregistered])
            plan.failures = 1
        }
        return plan
    }

    private mutating func child() -> Operation {
        guard generations > 0 else { return leaf(false) }
        let input = ProgramInput(seed: random.next(), size: 1 + random.below(4), generations: generations - 1)
        return .child(input, random.chance(60) ? .await : random.pick(ChildUse.allCases))
    }
}
