// Digests of every operation's results, as tests/kernels/bits_test.cc forms them.
//
// They change only together with kKernelRevision: a test that fails here prints the digest it
// found; it is recorded under the new revision, never under the old one.
#ifndef MILLRACE_TESTS_KERNELS_GOLDEN_H_
#define MILLRACE_TESTS_KERNELS_GOLDEN_H_

#include <cstdint>
#include <map>
#include <string>

namespace millrace::kernels {

inline constexpr int kGoldenRevision = 1;

// The digest of a step by its name and type, as in "MatVecFloat"; 0 if none is recorded.
inline std::uint64_t GoldenDigest(const std::string& step) {
  static const std::map<std::string, std::uint64_t> digests = {};
  const auto found = digests.find(step);
  return found == digests.end() ? 0 : found->second;
}

}  // namespace millrace::kernels

#endif  // MILLRACE_TESTS_KERNELS_GOLDEN_H_
