#include "server/security/tls.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace millrace::server {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

absl::StatusOr<std::string> ReadPem(const char* setting, const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat(setting, " '", path, "' cannot be read; check the path and its permissions"));
  }
  return text.str();
}

absl::Status NoPem(const char* setting, const std::string& path, const char* expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(setting, " '", path, "' holds no ", expected, " in PEM form"));
}

Bio ReadOnly(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
}

Certificate FirstCertificate(const std::string& pem) {
  const Bio bio = ReadOnly(pem);
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
}

// An encrypted key has no passphrase here: the callback answers with none.
Key PrivateKey(const std::string& pem) {
  const Bio bio = ReadOnly(pem);
  return Key(PEM_read_bio_PrivateKey(
                 bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr),
             &EVP_PKEY_free);
}

absl::Status CheckPair(const TlsFiles& files, const std::string& cert_pem,
                       const std::string& key_pem) {
  const Certificate certificate = FirstCertificate(cert_pem);
  if (certificate == nullptr) return NoPem("tls_cert", files.cert, "certificate");
  const Key key = PrivateKey(key_pem);
  if (key == nullptr) return NoPem("tls_key", files.key, "unencrypted private key");
  if (X509_check_private_key(certificate.get(), key.get()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tls_key '", files.key, "' does not belong to the certificate in tls_cert '",
                   files.cert, "'; give the key it was made with"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const TlsFiles& files) {
  if (files.cert.empty()) return grpc::InsecureServerCredentials();
  absl::StatusOr<std::string> cert = ReadPem("tls_cert", files.cert);
  if (!cert.ok()) return cert.status();
  absl::StatusOr<std::string> key = ReadPem("tls_key", files.key);
  if (!key.ok()) return key.status();
  if (absl::Status status = CheckPair(files, *cert, *key); !status.ok()) return status;

  grpc::SslServerCredentialsOptions options;
  if (!files.client_ca.empty()) {
    absl::StatusOr<std::string> authorities = ReadPem("tls_client_ca", files.client_ca);
    if (!authorities.ok()) return authorities.status();
    if (FirstCertificate(*authorities) == nullptr) {
      return NoPem("tls_client_ca", files.client_ca, "certificate");
    }
    options.pem_root_certs = *std::move(authorities);
    options.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  options.pem_key_cert_pairs.push_back({*std::move(key), *std::move(cert)});
  return grpc::SslServerCredentials(options);
}

}  // namespace millrace::server
