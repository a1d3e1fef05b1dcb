#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension System {
    /// A debugger holds this process, or may do so at any moment.
    static var isTraced: Bool {
        #if canImport(Glibc)
            let file = unsafe open("/proc/self/status", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return false }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
            guard let line = lines.first(where: { $0.hasPrefix("TracerPid:") }) else { return false }
            return line.split(separator: "\t").last != "0"
        #else
            var info = kinfo_proc()
            var size = unsafe MemoryLayout.size(ofValue: info)
            var name = [CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()]
            return unsafe sysctl(&name, UInt32(name.count), &info, &size, nil, 0) == 0 && info.kp_proc.p_flag & P_TRACED != 0
        #endif
    }
}
