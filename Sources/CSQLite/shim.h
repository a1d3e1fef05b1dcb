#include <sqlite3.h>

#if defined(__linux__)
#include <stdint.h>
#include <sys/vfs.h>

/// The number of the file system that `path` is on, or -1; `statfs` is not in Swift's Glibc.
static inline int64_t perdure_file_system_type(const char *path) {
    struct statfs information;
    if (statfs(path, &information) != 0) return -1;
    return (int64_t)(uint32_t)information.f_type;
}
#endif
