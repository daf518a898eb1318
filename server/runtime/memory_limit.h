// How much memory this process may have: the machine's, or what its container was given of it.
//
// Control groups of version 2 (memory.max) and 1 (memory.limit_in_bytes); the least limit on the
// way from the process's group to the root counts. Inside a container the files of the own group
// stand at the root. Thread-safe; reads a few small files.
#ifndef MILLRACE_SERVER_RUNTIME_MEMORY_LIMIT_H_
#define MILLRACE_SERVER_RUNTIME_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>

namespace millrace::server {

// `membership` is the file that names the process's groups, `groups` the folder they are mounted
// at. The machine's memory where there is no limit or none can be read.
std::int64_t AvailableMemoryBytes(const std::string& membership = "/proc/self/cgroup",
                                  const std::string& groups = "/sys/fs/cgroup");

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_MEMORY_LIMIT_H_
