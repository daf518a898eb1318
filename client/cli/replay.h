// Plays a recording through a running server and scores what comes back.
//
// The steps of all files are numbered in order from `first_seq`; with `resume` it goes on at the
// step after the stream's applied_seq, tells again what is still open, and scores the rest. It
// survives a server that goes away and comes back within `patience`: predictions whose replies were
// lost are counted, not scored. Blocking; not thread-safe.
#ifndef MILLRACE_CLIENT_CLI_REPLAY_H_
#define MILLRACE_CLIENT_CLI_REPLAY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/file_score.h"
#include "client/cli/json.h"
#include "client/cli/plan.h"
#include "client/cli/progress.h"
#include "client/cli/recording.h"
#include "client/cpp/client.h"
#include "client/cpp/stream_writer.h"

namespace millrace::client {

struct ReplayOptions {
  std::string stream;
  RecordingOptions recording;
  std::size_t target_delay = 0;
  bool boundary_reset = true;
  double rate_hz = 0;  // steps a second; 0: as fast as it goes
  std::size_t steps_per_message = 64;
  std::size_t in_flight = 4;  // messages unanswered at a time
  bool resume = false;
  // Number of the recording's first step. Absent: 1 with resume, else the stream's next.
  std::optional<std::uint64_t> first_seq;
  std::optional<std::size_t> shadow_after_file;  // 1 is the first
  absl::Duration patience = absl::Seconds(120);
};

class Replay {
 public:
  // `stop` is asked between actions: what is under way is finished and reported.
  Replay(Client* client, ReplayOptions options, Progress* progress, const std::atomic<bool>* stop);

  absl::StatusOr<Json> Run();

 private:
  struct Pending {
    std::size_t row = 0, rows = 0;  // of all files; 0 rows for what is only acknowledged
    absl::Time sent;
    std::future<std::pair<absl::StatusOr<Observed>, absl::Time>> observed;
    std::future<absl::StatusOr<Acknowledged>> acknowledged;
  };

  absl::Status Prepare();
  // Whether the recording fits the model; a sentence where it does not.
  absl::Status Check(const v1::Model& model);
  absl::Status Attach();
  absl::Status PlayFile(std::size_t file);
  absl::Status PlayAction(std::size_t file, const Action& action);
  absl::Status SendRows(std::size_t file, const Action& action);
  absl::Status SendRelease(std::size_t file, const Action& action);
  absl::Status EndFile(std::size_t file);
  // Takes note of shifts and recovery. The server keeps the latest 32 marks, so it is asked often.
  absl::Status NoteStats();
  absl::Status ShadowAfter(std::size_t file);
  // What an earlier recording left open gets no target, so that the learner can go on.
  absl::Status CloseOpenSteps();

  Observation Rows(std::size_t file, std::size_t begin, std::size_t end,
                   const Action& action) const;
  v1::LateTargets Targets(std::size_t file, const Action& action, bool trim) const;
  void AddTargets(const RecordingFile& file, std::size_t begin, std::size_t end,
                  v1::TargetBlock* block) const;
  void Pace(std::size_t rows);
  // Scores what has been answered; waits until at most `rows` are unanswered.
  absl::Status Harvest(std::size_t rows);
  absl::Status Take(Pending pending);
  void ShowProgress(std::size_t file);
  ProgressState State(std::size_t file) const;

  std::uint64_t SeqOf(std::size_t row) const { return base_ + row; }
  Json Report(double wall_s) const;
  Json Marks(std::uint64_t first_seq, std::uint64_t last_seq) const;

  Client& client_;
  const ReplayOptions options_;
  Progress& progress_;
  const std::atomic<bool>& stop_;

  Recording recording_;
  std::vector<Plan> plans_;
  std::vector<std::size_t> starts_;  // first row of each file
  std::unique_ptr<Scorer> scorer_;
  std::shared_ptr<Session> session_;
  std::unique_ptr<StreamWriter> writer_;
  std::string model_;
  bool delayed_ = false;
  bool next_input_ = false;

  std::uint64_t base_ = 1;  // number of row 0
  std::size_t skip_ = 0;    // rows that the stream had observed at the start
  std::set<std::uint64_t> held_;
  std::uint64_t learned_ = 0;  // at the start
  absl::Time start_;
  std::size_t paced_rows_ = 0;
  std::size_t sent_rows_ = 0, unanswered_rows_ = 0;
  std::uint64_t lost_predictions_ = 0;
  std::deque<Pending> pending_;
  std::vector<double> latencies_us_;
  std::vector<std::size_t> file_steps_;  // played of each file
  std::map<std::pair<int, std::uint64_t>, v1::ShiftMark> marks_;
  std::size_t rows_since_stats_ = 0;
  std::optional<double> recovery_;
  Json files_ = Json::Array();
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_REPLAY_H_
