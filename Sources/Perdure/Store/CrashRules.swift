/// What becomes of workflows whose engine has died.
///
/// A crash is nearly always the process's own, or of one workflow of thousands that were there. So the first costs nothing: everything goes on
/// at once. What has made no progress by the second is a suspect. It waits for a while, longer with each crash, and an engine runs few suspects
/// side by side, fewer with each crash and in the end one alone, and watches them for as long as they had to wait. If it dies meanwhile, those
/// that it watched are to blame, and the other suspects are not. So the innocent are soon told from the one that it is, whatever number of
/// them there were. Whatever makes progress, or comes to a wait, is a suspect no more.
package struct CrashRules: Sendable, Equatable {
    /// After so many crashes without progress a workflow is set aside.
    package var limit: Int
    /// How long one waits after its second crash; it doubles with each.
    package var backoff: Duration

    package static let longestPause = Duration.seconds(300)
    /// From so many crashes on a workflow is a suspect.
    package static let suspicion = 2

    package init(limit: Int = 5, backoff: Duration = .seconds(1)) {
        self.limit = limit
        self.backoff = backoff
    }

    /// How long a suspect waits, and then is watched.
    package func pause(after crashes: Int) -> Duration {
        guard crashes >= Self.suspicion else { return .zero }
        return min(backoff * (1 << min(crashes - Self.suspicion, 20)), Self.longestPause)
    }

    /// How many suspects an engine begins with at a time.
    package func group(after crashes: Int) -> Int { max(1, 64 >> (3 * min(max(crashes - Self.suspicion, 0), 20))) }

    /// When a suspect is tried again; not all at the same moment.
    package func due(_ number: WorkflowNumber, after crashes: Int, now: Microseconds) -> Microseconds {
        let pause = pause(after: crashes)
        return now.adding(pause + pause * Int(number & 63) / 256)
    }

    /// Why a workflow is set aside, for people.
    package func reason(lastExecutor: String) -> String {
        """
        its engine has died with it \(limit) times without progress in between, the last time in process \(lastExecutor): \
        when the cause is mended, resume it
        """
    }
}
