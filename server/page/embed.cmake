# Writes OUT, a C++ source that holds the FILES as strings (page.html first), for document.h.
#
#   cmake -DOUT=page_sources.cc "-DFILES=page.html;page.css" -P embed.cmake

set(strings)
foreach(file IN LISTS FILES)
  cmake_path(GET file FILENAME name)
  file(READ "${file}" bytes HEX)
  # A brace list of bytes has no limit of length and needs no escapes.
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(MAKE_C_IDENTIFIER "${name}" symbol)
  string(APPEND arrays "constexpr char ${symbol}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${name}\", {${symbol}, sizeof(${symbol})}},\n")
endforeach()
file(WRITE "${OUT}" "#include \"server/page/document.h\"

namespace millrace::server {
namespace {
${arrays}
constexpr PageSource kSources[] = {
${rows}};
}  // namespace

absl::Span<const PageSource> PageSources() { return kSources; }

}  // namespace millrace::server
")
