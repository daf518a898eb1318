// The program that the crash tests kill: this test program, started with kVictim in front.
#ifndef MILLRACE_TESTS_SERVER_RUNTIME_VICTIM_H_
#define MILLRACE_TESTS_SERVER_RUNTIME_VICTIM_H_

#include <cstdint>
#include <string>

#include "server/runtime.h"

namespace millrace::server {

inline constexpr char kVictim[] = "--victim";
// The victim stops there and waits for its end.
inline constexpr std::uint64_t kSteps = 3000;

// What the victim writes to its pipe after each reply.
struct Told {
  std::uint64_t applied_seq, durable_seq;
};

RuntimeOptions VictimOptions(const std::string& store);
// Opens the store, goes on with stream "s" where it stands, tells of every reply, until killed.
[[noreturn]] void LearnUntilKilled(const std::string& store, int tell);

}  // namespace millrace::server

#endif  // MILLRACE_TESTS_SERVER_RUNTIME_VICTIM_H_
