#include "engine/sha256.h"

#include <openssl/evp.h>

#include <string>

#include "absl/strings/escaping.h"
#include "engine/check.h"

namespace millrace::engine {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  MILLRACE_CHECK(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::Add(absl::string_view bytes) {
  MILLRACE_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Hex() {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  MILLRACE_CHECK(EVP_DigestFinal_ex(context_->evp, sum, &length) == 1);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(sum), static_cast<std::size_t>(length)));
}

}  // namespace millrace::engine
