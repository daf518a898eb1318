#include "client/cli/npy.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace millrace::client {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);

absl::Status Refuse(const std::string& name, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' ", what));
}

// The text after `'key':` up to where the value must end; empty where there is no such key.
absl::string_view ValueOf(absl::string_view header, const std::string& key) {
  const std::size_t found = header.find(absl::StrCat("'", key, "'"));
  if (found == absl::string_view::npos) return "";
  absl::string_view rest = header.substr(found + key.size() + 2);
  const std::size_t colon = rest.find(':');
  if (colon == absl::string_view::npos) return "";
  rest = absl::StripLeadingAsciiWhitespace(rest.substr(colon + 1));
  const bool tuple = !rest.empty() && rest[0] == '(';
  const std::size_t end = rest.find(tuple ? ')' : ',');
  return rest.substr(0, end == absl::string_view::npos ? rest.size() : end + (tuple ? 1 : 0));
}

absl::StatusOr<std::vector<std::size_t>> ShapeOf(absl::string_view text, const std::string& name) {
  std::vector<std::size_t> shape;
  if (!absl::ConsumePrefix(&text, "(") || !absl::ConsumeSuffix(&text, ")")) {
    return Refuse(name, "has no shape in its header; it is no valid .npy file");
  }
  for (absl::string_view piece : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    std::uint64_t extent = 0;
    if (!absl::SimpleAtoi(piece, &extent)) {
      return Refuse(name, absl::StrCat("has shape (", text, "), which cannot be read"));
    }
    shape.push_back(extent);
  }
  if (shape.empty() || shape.size() > 2) {
    return Refuse(name, absl::StrCat("has ", shape.size(),
                                     " dimensions; expected 1 or 2 (rows are steps); reshape it"));
  }
  return shape;
}

template <typename T>
absl::Status Convert(absl::string_view bytes, const std::string& name, std::vector<float>* values) {
  for (std::size_t i = 0; i < values->size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    (*values)[i] = static_cast<float>(value);
    if constexpr (sizeof(T) == 8) {
      if (std::isfinite(value) && !std::isfinite((*values)[i])) {
        return Refuse(name, absl::StrCat("has ", value, " at value ", i,
                                         ", which float32 cannot hold; scale it"));
      }
    }
  }
  return absl::OkStatus();
}

struct Type {
  absl::string_view name;
  std::size_t bytes;
  absl::Status (*convert)(absl::string_view, const std::string&, std::vector<float>*);
};

constexpr Type kTypes[] = {
    {"'<f4'", 4, Convert<float>},
    {"'<f8'", 8, Convert<double>},
    {"'|u1'", 1, Convert<std::uint8_t>},
    {"'<i2'", 2, Convert<std::int16_t>},
};

// Cuts the header off `contents`.
absl::StatusOr<absl::string_view> TakeHeader(absl::string_view* contents, const std::string& name) {
  if (!absl::ConsumePrefix(contents, kMagic) || contents->size() < 4) {
    return Refuse(name, "is no .npy file: it does not begin with NumPy's magic string");
  }
  const int major = static_cast<unsigned char>((*contents)[0]);
  if (major != 1 && major != 2) {
    return Refuse(name, absl::StrCat("has .npy format version ", major,
                                     "; expected 1 or 2; save it with numpy.save"));
  }
  contents->remove_prefix(2);
  const std::size_t width = major == 1 ? 2 : 4;
  std::size_t length = 0;
  if (contents->size() < width) return Refuse(name, "ends within its header");
  for (std::size_t i = 0; i < width; ++i) {
    length |= std::size_t{static_cast<unsigned char>((*contents)[i])} << (8 * i);
  }
  contents->remove_prefix(width);
  if (contents->size() < length) return Refuse(name, "ends within its header");
  const absl::string_view header = contents->substr(0, length);
  contents->remove_prefix(length);
  return header;
}

}  // namespace

absl::StatusOr<Table> ParseNpy(absl::string_view contents, const std::string& name) {
  const absl::StatusOr<absl::string_view> header = TakeHeader(&contents, name);
  if (!header.ok()) return header.status();
  if (ValueOf(*header, "fortran_order") != "False") {
    return Refuse(name,
                  "is in Fortran order; expected C order; save numpy.ascontiguousarray of it");
  }
  const absl::string_view wanted = ValueOf(*header, "descr");
  const Type* type = nullptr;
  for (const Type& candidate : kTypes) {
    if (wanted == candidate.name) type = &candidate;
  }
  if (type == nullptr) {
    return Refuse(name,
                  absl::StrCat("holds values of type ", wanted,
                               "; expected '<f4' (float32), '<f8' (float64), '|u1' (uint8) or "
                               "'<i2' (int16); convert it with astype"));
  }
  const absl::StatusOr<std::vector<std::size_t>> shape = ShapeOf(ValueOf(*header, "shape"), name);
  if (!shape.ok()) return shape.status();
  Table table;
  table.rows = (*shape)[0];
  table.columns = shape->size() == 2 ? (*shape)[1] : 1;
  if (table.columns > 0 && table.rows > std::numeric_limits<std::uint32_t>::max() / table.columns) {
    return Refuse(name, absl::StrCat("has ", table.rows, " x ", table.columns,
                                     " values, more than are read at a time; split it"));
  }
  const std::size_t bytes = table.rows * table.columns * type->bytes;
  if (contents.size() != bytes) {
    return Refuse(
        name, absl::StrCat("holds ", contents.size(), " bytes of values; its shape needs ", bytes,
                           "; the file is damaged"));
  }
  table.values.resize(table.rows * table.columns);
  if (absl::Status status = type->convert(contents, name, &table.values); !status.ok()) {
    return status;
  }
  return table;
}

absl::StatusOr<std::string> ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("file '", path, "' cannot be opened"));
  std::ostringstream contents;
  contents << file.rdbuf();
  if (file.bad()) return absl::DataLossError(absl::StrCat("file '", path, "' cannot be read"));
  return std::move(contents).str();
}

absl::StatusOr<Table> ReadNpy(const std::string& path) {
  const absl::StatusOr<std::string> contents = ReadBytes(path);
  if (!contents.ok()) return contents.status();
  return ParseNpy(*contents, path);
}

}  // namespace millrace::client
