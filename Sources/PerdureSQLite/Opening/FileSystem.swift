internal import CSQLite

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Which file systems SQLite's locks and shared memory work on.
package enum FileSystem {
    enum Verdict: Equatable {
        case fine
        case doubtful(String)
        case refused(String)
    }

    /// As `statfs` reports it; nil where it cannot be told (other systems than Linux, or an error).
    package static func type(of directory: String) -> UInt32? {
        #if os(Linux)
            let type = unsafe perdure_file_system_type(directory)
            return type < 0 ? nil : UInt32(truncatingIfNeeded: type)
        #else
            return nil
        #endif
    }

    static func verdict(on type: UInt32?) -> Verdict {
        switch type {
        case 0x6969: .refused("NFS")
        case 0x517B, 0xFF53_4D42, 0xFE53_4D42: .refused("SMB/CIFS")
        case 0x5346_414F, 0x6B41_4653: .refused("AFS")
        case 0x7375_7245: .refused("Coda")
        case 0x0102_1997: .refused("9P")
        case 0x6573_5546: .doubtful("FUSE")
        default: .fine
        }
    }

    enum Kind { case missing, directory, other }

    static func kind(of path: String) -> Kind {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { return .missing }
        return information.st_mode & S_IFMT == S_IFDIR ? .directory : .other
    }

    static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

    /// What tells two files apart, whatever paths lead to them.
    static func identity(of path: String) -> FileIdentity? {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { return nil }
        return FileIdentity(device: UInt64(truncatingIfNeeded: information.st_dev), inode: UInt64(truncatingIfNeeded: information.st_ino))
    }
}

struct FileIdentity: Hashable {
    var device: UInt64
    var inode: UInt64
}
