// SHA-256 of bytes that come in pieces.
//
//   Sha256 sum;
//   sum.Add("ab");
//   sum.Add("c");
//   sum.Hex();  // "ba7816bf..."
//
// Thread-compatible. O(bytes); uses the CPU's own instructions where it has them.
#ifndef MILLRACE_ENGINE_SHA256_H_
#define MILLRACE_ENGINE_SHA256_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace::engine {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(absl::string_view bytes);
  // Lower-case hex, 64 characters. Ends the sum: call it once, last.
  std::string Hex();

 private:
  struct Context;  // OpenSSL's, kept out of this header
  std::unique_ptr<Context> context_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_SHA256_H_
