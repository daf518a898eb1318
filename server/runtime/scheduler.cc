#include "server/runtime/scheduler.h"

#include <chrono>
#include <set>
#include <utility>
#include <variant>

#include "absl/time/clock.h"
#include "server/runtime/faults.h"

namespace millrace::server {
namespace {

// How often idleness is looked at where nothing else wakes the thread.
constexpr std::chrono::seconds kLookForIdle(1);
// What of a stream's parts may be carried out in one Begin, beyond the first.
constexpr std::uint64_t kMostHereNs = 100'000, kMostHereAloneNs = 500'000;
// Work after which those who wait for it are answered.
constexpr std::uint64_t kAnswerAfterNs = 300'000;

}  // namespace

Scheduler::Scheduler(int worker_threads, Turns* turns, Residence* residence,
                     RuntimeObserver* observer)
    : turns_(turns),
      residence_(residence),
      observer_(observer),
      workers_(worker_threads),
      thread_([this] { Loop(); }) {}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ready_or_stop_.notify_all();
  thread_.join();
  RefuseAll();
}

void Scheduler::Add(const std::shared_ptr<Entry>& entry, Work work) {
  {
    const std::lock_guard lock(entry->face_mutex);
    QueueLocked(entry, std::move(work));
  }
  Wake();
}

void Scheduler::QueueLocked(const std::shared_ptr<Entry>& entry, Work work) {
  ++queued_;
  entry->face.queue.push_back(std::move(work));
  if (std::exchange(entry->face.scheduled, true)) return;
  const std::lock_guard lock(mutex_);
  ready_.push_back(entry);
}

void Scheduler::Wake() {
  {
    // Who drives looks for more at the end.
    const std::lock_guard lock(mutex_);
    if (driving_) return;
  }
  ready_or_stop_.notify_one();
}

void Scheduler::Begin() {
  const std::shared_ptr<Entry> lone = TakeLone();
  if (lone == nullptr) return Wake();
  const bool alone = lone.get() == last_alone_;
  const std::uint64_t most_ns = alone ? kMostHereAloneNs : kMostHereNs;
  std::uint64_t ns = 0;
  for (bool goes_on = true; goes_on; goes_on = LoneGoesOn(lone)) {
    const std::uint64_t next_ns = NsHere(*lone, alone);
    if (next_ns == 0 || (ns > 0 && ns + next_ns > most_ns)) {
      const std::lock_guard lock(mutex_);
      ready_.push_front(lone);
      break;
    }
    ns += next_ns;
    Drive({lone}, /*brief=*/true);
  }
  if (ns > 0 && turns_->SnapshotDue(*lone)) {
    const std::lock_guard lock(lone->face_mutex);
    QueueLocked(lone, CallWork{CallWork::Need::kStream, [this, lone](const absl::Status& ready) {
                                 if (ready.ok()) turns_->SnapshotIfDue(lone.get());
                               }});
  }
  EndDriving();
}

std::shared_ptr<Entry> Scheduler::TakeLone() {
  const std::lock_guard lock(mutex_);
  if (driving_ || looks_idle_ || stop_ || ready_.size() != 1) return nullptr;
  driving_ = true;
  std::shared_ptr<Entry> lone = std::move(ready_.front());
  ready_.clear();
  return lone;
}

bool Scheduler::LoneGoesOn(const std::shared_ptr<Entry>& lone) {
  const std::lock_guard lock(mutex_);
  if (looks_idle_ || stop_ || ready_.size() != 1 || ready_.front() != lone) return false;
  ready_.clear();
  return true;
}

std::uint64_t Scheduler::NsHere(const Entry& entry, bool alone) const {
  // A part of a stream in memory that is answered within the turn.
  if (entry.place.unfinished != nullptr || entry.place.counted_bytes == 0) return 0;
  const std::lock_guard lock(entry.face_mutex);
  const auto* part =
      entry.face.queue.empty() ? nullptr : std::get_if<PartWork>(&entry.face.queue.front());
  return part != nullptr && IsShort(*entry.model, *part, alone) ? PartNs(*entry.model, *part) : 0;
}

void Scheduler::EndDriving() {
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    driving_ = false;
    more = stop_ || looks_idle_ || !ready_.empty();
  }
  if (more) ready_or_stop_.notify_one();
}

bool Scheduler::WaitUntilIdle(absl::Time deadline) {
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return queued_ == 0; });
}

void Scheduler::Loop() {
  Entries entries;
  while (NextBatch(&entries)) {
    Drive(entries, /*brief=*/false);
    residence_->Tidy();
    const std::lock_guard lock(mutex_);
    driving_ = false;
  }
}

bool Scheduler::NextBatch(Entries* entries) {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return !driving_ && (stop_ || !ready_.empty()); };
  looks_idle_ = !ready_or_stop_.wait_for(lock, kLookForIdle, free);
  if (looks_idle_) ready_or_stop_.wait(lock, [this] { return !driving_; });
  looks_idle_ = false;
  if (stop_) return false;
  driving_ = true;
  entries->assign(ready_.begin(), ready_.end());
  ready_.clear();
  return true;
}

void Scheduler::Drive(const Entries& entries, bool brief) {
  TurnList turns = TakeTurns(entries);
  last_alone_ = turns.size() == 1 ? turns.front()->entry.get() : nullptr;
  if (turns.empty()) return;
  for (const auto& turn : turns) turn->brief = brief;
  ForEach(turns, [this](Turn* turn) {
    if (turn->pieces.empty()) turns_->Prepare(turn);
  });
  turns_->Journal(turns);
  if (turns.size() > 1) turns_->ApplyAhead(turns, &workers_);
  ApplyAll(turns);
  Conclude(std::move(turns));
}

void Scheduler::ApplyAll(const TurnList& turns) {
  if (turns.size() == 1) return turns_->Apply(turns.front().get());
  TurnList together, others;
  std::uint64_t together_ns = 0;
  for (const auto& turn : turns) {
    const std::uint64_t short_ns = ShortNs(*turn);
    (short_ns > 0 ? together : others).push_back(turn);
    together_ns += short_ns;
    if (together_ns < kAnswerAfterNs) continue;
    ApplyTogether(together);
    together.clear();
    together_ns = 0;
  }
  ApplyTogether(together);
  ForEach(others, [this](Turn* turn) { turns_->Apply(turn); });
}

void Scheduler::ApplyTogether(const TurnList& turns) {
  for (const auto& turn : turns) turn->answers_later = true;
  ForEach(turns, [this](Turn* turn) { turns_->Apply(turn); });
  std::set<const void*> calls;
  std::vector<bool> more(turns.size());
  for (std::size_t i = turns.size(); i-- > 0;) {
    const void* call = std::get<PartWork>(turns[i]->work).task.call;
    more[i] = call != nullptr && !calls.insert(call).second;
  }
  TurnList due;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    turns_->Answer(turns[i].get(), more[i]);
    if (turns_->SnapshotDue(*turns[i]->entry)) due.push_back(turns[i]);
  }
  ForEach(due, [this](Turn* turn) {
    const std::lock_guard lock(turn->entry->turn_mutex);
    turns_->SnapshotIfDue(turn->entry.get());
  });
}

Scheduler::TurnList Scheduler::TakeTurns(const Entries& entries) {
  TurnList turns;
  for (const auto& entry : entries) {
    residence_->Use(entry.get());
    std::shared_ptr<Turn> turn = TakeTurn(entry);
    if (turn != nullptr && MakeRoom(turn.get())) {
      entry->place.in_batch = true;
      turns.push_back(std::move(turn));
      continue;
    }
    if (turn != nullptr) {
      // Its place in the order stays; it comes again when others have left room.
      const std::lock_guard lock(entry->face_mutex);
      entry->face.queue.push_front(std::move(turn->work));
    }
    GoOn(entry);
  }
  return turns;
}

std::shared_ptr<Turn> Scheduler::TakeTurn(const std::shared_ptr<Entry>& entry) {
  if (entry->place.unfinished != nullptr) return std::move(entry->place.unfinished);
  auto turn = std::make_shared<Turn>();
  turn->entry = entry;
  const std::lock_guard lock(entry->face_mutex);
  if (entry->face.queue.empty()) return nullptr;
  turn->work = std::move(entry->face.queue.front());
  entry->face.queue.pop_front();
  return turn;
}

bool Scheduler::MakeRoom(Turn* turn) {
  if (turn->entry->place.counted_bytes > 0 || !NeedsStream(*turn->entry, turn->work)) return true;
  turn->status = residence_->MakeRoom(turn->entry);
  return turn->status.ok() || !residence_->Held();
}

void Scheduler::ForEach(const TurnList& turns, const std::function<void(Turn*)>& call) {
  if (turns.size() == 1) return call(turns.front().get());
  std::vector<std::function<void()>> jobs;
  jobs.reserve(turns.size());
  for (const auto& turn : turns) {
    jobs.push_back([&call, one = turn.get()] { call(one); });
  }
  workers_.Run(jobs);
}

void Scheduler::Conclude(TurnList turns) {
  std::int64_t finished = 0, steps = 0;
  const auto streams = static_cast<std::int64_t>(turns.size());
  for (std::shared_ptr<Turn>& turn : turns) {
    const std::shared_ptr<Entry> entry = turn->entry;
    entry->place.in_batch = false;
    steps += static_cast<std::int64_t>(std::exchange(turn->steps, 0));
    residence_->Count(entry);
    if (turn->finished) {
      ++finished;
    } else {
      entry->place.unfinished = std::move(turn);
    }
    GoOn(entry);
  }
  turns.clear();
  if (observer_ != nullptr) observer_->OnBatch(streams, steps);
  if (finished == 0) return;
  const std::lock_guard lock(mutex_);
  queued_ -= finished;
  if (queued_ == 0) idle_.notify_all();
}

void Scheduler::GoOn(const std::shared_ptr<Entry>& entry) {
  {
    const std::lock_guard lock(entry->face_mutex);
    const bool more = !entry->face.queue.empty() || entry->place.unfinished != nullptr;
    entry->face.scheduled = more;
    if (!more) return;
  }
  const std::lock_guard lock(mutex_);
  ready_.push_back(entry);
}

void Scheduler::RefuseAll() {
  for (const auto& entry : ready_) {
    // What is journalled is applied, whatever becomes of the server.
    while (entry->place.unfinished != nullptr) {
      turns_->Apply(entry->place.unfinished.get());
      if (entry->place.unfinished->finished) entry->place.unfinished.reset();
    }
    while (true) {
      Work work;
      {
        const std::lock_guard lock(entry->face_mutex);
        if (entry->face.queue.empty()) break;
        work = std::move(entry->face.queue.front());
        entry->face.queue.pop_front();
      }
      turns_->Refuse(entry.get(), &work, Draining());
    }
  }
}

}  // namespace millrace::server
