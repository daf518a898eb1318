#include "server/page/document.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/check.h"
#include "engine/sha256.h"

namespace millrace::server {
namespace {

// As a Content-Security-Policy names it.
std::string HashOf(absl::string_view text) {
  engine::Sha256 sum;
  sum.Add(text);
  return absl::StrCat(" 'sha256-", absl::Base64Escape(absl::HexStringToBytes(sum.Hex())), "'");
}

}  // namespace

HttpReply MakeDocument(absl::Span<const PageSource> sources) {
  std::string page(sources[0].text), styles, scripts;
  for (const PageSource& source : sources.subspan(1)) {
    const bool style = absl::EndsWith(source.name, ".css");
    const std::string place =
        style ? absl::StrCat("<link rel=\"stylesheet\" href=\"", source.name, "\">")
              : absl::StrCat("<script src=\"", source.name, "\"></script>");
    const std::string text = style ? absl::StrCat("<style>", source.text, "</style>")
                                   : absl::StrCat("<script>", source.text, "</script>");
    MILLRACE_CHECK(absl::StrReplaceAll({{place, text}}, &page) == 1);
    absl::StrAppend(style ? &styles : &scripts, HashOf(source.text));
  }
  HttpReply reply{200, "text/html; charset=utf-8", std::move(page)};
  reply.headers = {{"Content-Security-Policy",
                    absl::StrCat("default-src 'none'; connect-src 'self'; img-src data:; style-src",
                                 styles, "; script-src", scripts,
                                 "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")}};
  return reply;
}

}  // namespace millrace::server
