// The page's one document: the HTML with its style and scripts put in, and the policy that admits
// these and nothing else.
//
// Thread-safe: constant data, put together once by the caller.
#ifndef MILLRACE_SERVER_PAGE_DOCUMENT_H_
#define MILLRACE_SERVER_PAGE_DOCUMENT_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/http/http_server.h"

namespace millrace::server {

// A file of this folder, as it was when the program was built.
struct PageSource {
  absl::string_view name;
  absl::string_view text;
};

// page.html first.
absl::Span<const PageSource> PageSources();

// Every <link rel="stylesheet" href="NAME"> and <script src="NAME"> of the first source is replaced
// by the source of that name.
HttpReply MakeDocument(absl::Span<const PageSource> sources);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_PAGE_DOCUMENT_H_
