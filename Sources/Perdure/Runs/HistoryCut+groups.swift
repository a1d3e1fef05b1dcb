// Children that were started together.

extension HistoryCut {
    /// A group whose starts are taken over, but not all of its ends: those would be told to the earlier run, or have been.
    var unreadGroup: (start: String, unread: Int)? {
        var groups: [String: (start: String, count: Int)] = [:]
        for row in kept where row.kind == .childrenStart {
            guard let group = Names.group(ofStart: row.key), let block = row.output.flatMap({ ChildBlock($0) }) else { continue }
            groups[group, default: (row.key, 0)].count += block.count
        }
        for (group, started) in groups.sorted(by: { $0.key < $1.key }) {
            let key = Names.ends(ofGroup: group)
            let pages = kept.filter { $0.kind == .childrenEnded && ($0.key == key || $0.key.hasPrefix(key + "#")) }
            let read = pages.reduce(0) { $0 + ($1.output.flatMap(GroupPage.members)?.count ?? 0) }
            if read < started.count { return (started.start, started.count - read) }
        }
        return nil
    }
}
