// Who wants to hear that durable_seq moved, by writer token.
//
// Thread-safe. Remove returns once no call to that listener is under way, so a listener must not
// remove itself from inside.
#ifndef MILLRACE_SERVER_RUNTIME_LISTENERS_H_
#define MILLRACE_SERVER_RUNTIME_LISTENERS_H_

#include <cstdint>
#include <map>
#include <mutex>

#include "server/runtime.h"
#include "server/runtime/entry.h"

namespace millrace::server {

class Listeners {
 public:
  void Add(std::uint64_t writer_token, Runtime::DurableListener listener);
  void Remove(std::uint64_t writer_token);
  // Tells the stream's writer its present durable_seq. Holds no lock of the entry while it calls.
  void Tell(const Entry& entry);

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, Runtime::DurableListener> by_token_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_LISTENERS_H_
