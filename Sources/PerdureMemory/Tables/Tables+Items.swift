internal import Perdure

extension Tables {
    mutating func add(_ items: [BatchItem]) throws(StoreError) {
        for item in items { try validate(item.lane) }
        keep(items)
    }

    /// Of items that were looked at before.
    mutating func keep(_ new: [BatchItem]) {
        for item in new { items[item.lane, default: FIFO()].append(item) }
    }

    /// Makes workflows of what is enough, or has waited for long enough; how many, and when the next has.
    mutating func gather(
        _ wishes: [BatchWish], by executor: ExecutorID, now: Microseconds, time: Microseconds
    ) throws(StoreError) -> (made: Int, next: Microseconds?) {
        try checkFence(executor)
        var (made, next): (Int, Microseconds?) = (0, nil)
        for wish in wishes {
            for lane in items.keys.filter({ $0.queue == wish.queue }) {
                while let batch = takeBatch(of: lane, wish, now: now) {
                    let number = numberBlock(count: 1, now: time).first
                    let items = batch.map(\.payload.bytes)
                    var record = WorkflowRecord(number: number, lane: lane, input: BatchItem.array(items), created: now)
                    record.expires = wish.expiry.flatMap { expiry in batch.map(\.created).min().map { $0 + expiry } }
                    insert(record, owner: nil, now: now)
                    made += 1
                }
                if let oldest = items[lane]?.first { next = min(next ?? .max, oldest.created.adding(.microseconds(wish.within))) }
            }
        }
        return (made, next)
    }

    private mutating func takeBatch(of lane: Lane, _ wish: BatchWish, now: Microseconds) -> [BatchItem]? {
        guard let waiting = items[lane], let oldest = waiting.first else { return nil }
        guard waiting.count >= wish.size || oldest.created.adding(.microseconds(wish.within)) <= now else { return nil }
        var batch: [BatchItem] = []
        var bytes = 0
        while batch.count < wish.size, let item = items[lane]?.first {
            bytes += item.payload.bytes.count
            if !batch.isEmpty, bytes > BatchItem.mostBytes { break }
            _ = items[lane]?.removeFirst()
            batch.append(item)
        }
        if items[lane]?.isEmpty == true { items[lane] = nil }
        return batch
    }
}
