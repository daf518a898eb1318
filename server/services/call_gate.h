// Which calls are open, how many there may be, and how they learn that the server ends.
//
//   status = gate.Enter(CallKind::kLearn, call);   // LIMIT, or DRAINING once closed
//   ...
//   gate.Leave(CallKind::kLearn, call.get());
//
//   gate.Close();                // refuses new calls and tells the open ones to come to an end
//   gate.WaitEmpty(deadline);
//
// Thread-safe. DrainCall() is called without the gate's lock; a call may leave from within it.
#ifndef MILLRACE_SERVER_SERVICES_CALL_GATE_H_
#define MILLRACE_SERVER_SERVICES_CALL_GATE_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace millrace::server {

enum class CallKind { kUnary, kLearn, kWatch };
inline constexpr std::size_t kCallKinds = 3;

// A call that lasts as long as its client likes.
class LongCall {
 public:
  virtual ~LongCall() = default;
  // The server ends: answer what was taken, then end with DRAINING. Called once at most.
  virtual void DrainCall() = 0;
};

class CallGate {
 public:
  // `limits` by CallKind.
  explicit CallGate(const std::array<std::int64_t, kCallKinds>& limits) : limits_(limits) {}

  // `call` is null for unary calls. A refused call must not Leave.
  absl::Status Enter(CallKind kind, std::shared_ptr<LongCall> call);
  void Leave(CallKind kind, const LongCall* call);

  void Close();
  // False where calls were still open at the deadline.
  bool WaitEmpty(absl::Time deadline);
  std::int64_t open(CallKind kind) const;

 private:
  const std::array<std::int64_t, kCallKinds> limits_;
  mutable std::mutex mutex_;
  std::condition_variable left_;
  bool closed_ = false;
  std::array<std::int64_t, kCallKinds> open_{};
  std::map<const LongCall*, std::shared_ptr<LongCall>> long_calls_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_CALL_GATE_H_
