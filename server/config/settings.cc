#include "server/config/settings.h"

#include <cstring>
#include <limits>

namespace millrace::server {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

constexpr SettingRow Text(const char* name, const char* value, const char* sentence) {
  return {name, "text", "", value, 0, 0, 0, sentence};
}

constexpr SettingRow Flag(const char* name, const char* sentence) {
  return {name, "flag", "", "", 0, 0, 0, sentence};
}

struct Range {
  std::int64_t value, minimum, maximum;
};

constexpr SettingRow Integer(const char* name, const char* unit, Range range,
                             const char* sentence) {
  return {name, "integer", unit, "", range.value, range.minimum, range.maximum, sentence};
}

constexpr SettingRow kRows[] = {
    Text("listen", "127.0.0.1:7070",
         "HOST:PORT of gRPC; port 0 takes a free one. Other hosts than loopback need TLS, or "
         "insecure_listen"),
    Text("metrics_listen", "127.0.0.1:9464",
         "HOST:PORT of the page and the Prometheus metrics (no TLS); port 0 takes a free one"),
    Text("store", "", "directory of models, journals and snapshots; made if absent. Required"),
    Flag("insecure_listen", "allow plain text on addresses other than loopback"),
    Text("tls_cert", "", "PEM file of the server's certificate chain; turns TLS on"),
    Text("tls_key", "", "PEM file of the certificate's private key"),
    Text("tls_client_ca", "",
         "PEM file of the authorities whose client certificates are let in; every client must "
         "then show one"),
    Flag("no_page",
         "do not serve the page; with tls_client_ca it is served on loopback addresses only"),

    Integer("worker_threads", "threads", {0, 0, 1024}, "that apply steps; 0: one a core"),
    Integer("admin_threads", "threads", {8, 1, 256},
            "that wait for administrative calls, which are events in their stream's order"),
    Integer("callback_threads", "threads", {0, 0, 16},
            "of gRPC's that read and answer calls, at most those that it keeps (half the cores, 2 "
            "to 16); 0: one on up to four cores, else all"),
    Integer("memory_limit_bytes", "bytes", {0, 0, kMost},
            "of resident streams; 0: three quarters of the machine's or container's memory"),
    Integer("device_memory_limit_bytes", "bytes", {0, 0, kMost},
            "of the GPU's memory for streams; 0: nine tenths of it. What does not fit waits on the "
            "host"),
    Integer("max_streams", "streams", {100000, 1, 100000000}, "that may exist"),
    Integer("max_models", "models", {1000, 1, 1000000}, "that may exist"),

    Integer("max_message_bytes", "bytes", {64 * kMiB, 4096, 1024 * kMiB},
            "of one message, either way"),
    Integer("max_calls_per_connection", "calls", {1000, 1, 1000000}, "open at a time"),
    Integer("max_learn_calls", "calls", {10000, 1, 1000000}, "of Learn open at a time"),
    Integer("max_watch_calls", "calls", {1000, 1, 1000000}, "of WatchStats open at a time"),
    Integer("max_queued_admin_calls", "calls", {1000, 1, 1000000},
            "that wait for a thread of admin_threads, or have one; LearnOnce and Peek count"),
    Integer("max_parts_per_message", "parts", {65536, 1, 1000000}, "of one Learn message"),
    Integer("learn_budget_bytes", "bytes", {16 * kMiB, 1024, 4096 * kMiB},
            "of a Learn call's unanswered parts and unsent replies, above which it is not read"),
    Integer("reply_merge_bytes", "bytes", {kMiB, 0, 1024 * kMiB},
            "up to which replies of a Learn call are merged into one message"),
    Integer("window_steps", "steps", {4096, 1, 1000000}, "of a stream that may be unanswered"),
    Integer("window_bytes", "bytes", {4 * kMiB, 1024, 1024 * kMiB},
            "of a stream's parts that may be unanswered"),
    Integer("keepalive_s", "seconds", {60, 1, 86400},
            "of silence after which the server asks whether a client still lives"),
    Integer("keepalive_timeout_s", "seconds", {20, 1, 3600}, "that it waits for the answer"),

    Integer("min_free_bytes", "bytes", {256 * kMiB, 0, kMost},
            "of the store's file system below which observations are refused"),
    Integer("snapshot_journal_bytes", "bytes", {64 * kMiB, 4096, kMost},
            "of a stream's journal after which it is snapshotted"),
    Integer("snapshot_steps", "steps", {100000, 1, kMost}, "after which a stream is snapshotted"),
    Integer("idle_page_out_s", "seconds", {600, 1, kMost / 2000000000},
            "without use after which a stream leaves memory (it comes back on use)"),
    Integer("sync_interval_ms", "milliseconds", {5, 0, 60000},
            "between group commits of models whose durability is SYNC"),

    Integer("drain_timeout_s", "seconds", {30, 0, 86400},
            "after SIGTERM within which calls are answered and streams snapshotted"),
    {"watch_streams", "list", "", "", 64, 0, 0, "streams that have metrics of their own"},
};

}  // namespace

absl::Span<const SettingRow> SettingRows() { return kRows; }

const SettingRow* FindSetting(const char* name) {
  for (const SettingRow& row : kRows) {
    if (std::strcmp(row.name, name) == 0) return &row;
  }
  return nullptr;
}

}  // namespace millrace::server
