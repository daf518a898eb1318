#include "client/cli/recording.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace millrace::client {
namespace {

absl::Status Bad(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::StatusOr<std::vector<float>> Column(const Table& table, int column, const std::string& flag,
                                          const std::string& path) {
  if (column < 0 || static_cast<std::size_t>(column) >= table.columns) {
    return Bad(absl::StrCat("--", flag, " is ", column, "; '", path, "' has ", table.columns,
                            " columns, numbered from 0"));
  }
  std::vector<float> values(table.rows);
  for (std::size_t t = 0; t < table.rows; ++t) {
    values[t] = table.At(t, static_cast<std::size_t>(column));
  }
  return values;
}

absl::Status TakeClasses(const Table& table, const RecordingOptions& options,
                         const std::string& path, RecordingFile* file) {
  const auto column = Column(table, *options.class_column, "class_column", path);
  if (!column.ok()) return column.status();
  for (std::size_t t = 0; t < column->size(); ++t) {
    const float value = (*column)[t];
    const int label = std::isfinite(value) ? static_cast<int>(value) : -1;
    if (std::isnan(value) || label == options.ignore_class) {
      file->classes.push_back(-1);
    } else if (static_cast<float>(label) != value || label < 0) {
      return Bad(absl::StrCat("class is ", value, " at row ", t, " of '", path,
                              "'; expected a whole number from 0 on, or ", options.ignore_class,
                              " for no class (--ignore_class)"));
    } else {
      file->classes.push_back(label);
    }
  }
  return absl::OkStatus();
}

absl::Status TakeTargets(const Table& table, const RecordingOptions& options,
                         const std::string& path, RecordingFile* file) {
  std::vector<int> columns = options.target_columns;
  if (columns.empty()) {
    for (std::size_t k = 0; k < table.columns; ++k) columns.push_back(static_cast<int>(k));
  }
  file->targets.rows = table.rows;
  file->targets.columns = columns.size();
  file->targets.values.resize(table.rows * columns.size());
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const auto column = Column(table, columns[k], "target_columns", path);
    if (!column.ok()) return column.status();
    for (std::size_t t = 0; t < table.rows; ++t) {
      file->targets.values[t * columns.size() + k] = (*column)[t];
    }
  }
  return absl::OkStatus();
}

absl::Status LoadTargets(const std::string& path, const RecordingOptions& options,
                         RecordingFile* file) {
  const auto table = ReadNpy(path);
  if (!table.ok()) return table.status();
  if (table->rows != file->steps) {
    return Bad(absl::StrCat("'", path, "' has ", table->rows, " rows; '", file->name, "' has ",
                            file->steps, "; inputs and targets go together row by row"));
  }
  if (options.release_column) {
    auto column = Column(*table, *options.release_column, "release_column", path);
    if (!column.ok()) return column.status();
    file->release = *std::move(column);
  }
  if (options.reset_column) {
    auto column = Column(*table, *options.reset_column, "reset_column", path);
    if (!column.ok()) return column.status();
    file->reset = *std::move(column);
  }
  return options.class_column ? TakeClasses(*table, options, path, file)
                              : TakeTargets(*table, options, path, file);
}

absl::Status CheckOptions(const RecordingOptions& options) {
  if (options.inputs.empty() == options.bytes.empty()) {
    return Bad("expected either --inputs or --bytes, and got " +
               std::string(options.inputs.empty() ? "neither" : "both"));
  }
  if (!options.targets.empty() && options.targets.size() != options.inputs.size()) {
    return Bad(absl::StrCat("got ", options.targets.size(), " files of --targets for ",
                            options.inputs.size(), " of --inputs; expected one for each"));
  }
  const bool columns = options.class_column || options.release_column || options.reset_column ||
                       !options.target_columns.empty();
  if (columns && options.targets.empty()) {
    return Bad(
        "--target_columns, --class_column, --release_column and --reset_column are columns of "
        "--targets, which was not given");
  }
  if (options.class_column && !options.target_columns.empty()) {
    return Bad("--class_column and --target_columns exclude each other");
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordingFile> LoadFile(const RecordingOptions& options, std::size_t index) {
  RecordingFile file;
  if (!options.bytes.empty()) {
    file.name = options.bytes[index];
    auto bytes = ReadBytes(file.name);
    if (!bytes.ok()) return bytes.status();
    file.bytes = *std::move(bytes);
    file.steps = file.bytes.size();
  } else {
    file.name = options.inputs[index];
    auto table = ReadNpy(file.name);
    if (!table.ok()) return table.status();
    file.inputs = *std::move(table);
    file.steps = file.inputs.rows;
  }
  if (file.steps == 0) return Bad(absl::StrCat("'", file.name, "' has no steps"));
  if (!options.targets.empty()) {
    absl::Status status = LoadTargets(options.targets[index], options, &file);
    if (!status.ok()) return status;
  }
  return file;
}

}  // namespace

bool RecordingFile::HasTarget(std::size_t t) const {
  if (!classes.empty()) return classes[t] >= 0;
  for (std::size_t k = 0; k < targets.columns; ++k) {
    if (!std::isnan(targets.At(t, k))) return true;
  }
  return false;
}

std::size_t Recording::steps() const {
  std::size_t steps = 0;
  for (const RecordingFile& file : files) steps += file.steps;
  return steps;
}

absl::StatusOr<Recording> LoadRecording(const RecordingOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  Recording recording;
  recording.bytes = !options.bytes.empty();
  recording.classes = options.class_column.has_value();
  const std::size_t count = recording.bytes ? options.bytes.size() : options.inputs.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto file = LoadFile(options, i);
    if (!file.ok()) return file.status();
    if (i > 0 && file->inputs.columns != recording.width) {
      return Bad(absl::StrCat("'", file->name, "' has ", file->inputs.columns, " columns; '",
                              recording.files[0].name, "' has ", recording.width));
    }
    recording.width = file->inputs.columns;
    if (i > 0 && file->targets.columns != recording.outputs) {
      return Bad(absl::StrCat("'", options.targets[i], "' gives ", file->targets.columns,
                              " targets; the first file gives ", recording.outputs));
    }
    recording.outputs = file->targets.columns;
    recording.files.push_back(*std::move(file));
  }
  return recording;
}

}  // namespace millrace::client
