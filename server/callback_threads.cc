#include "server/callback_threads.h"

#include <grpcpp/support/byte_buffer.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

namespace millrace::server {
namespace {

// What gRPC calls them, as the kernel knows it.
constexpr char kThreadName[] = "nexting_thread";
constexpr std::chrono::milliseconds kBeat(500);
constexpr std::chrono::milliseconds kPatience(250);

// Held by all the servers of the process.
std::mutex held_mutex;
int held_in_process = 0;

int CountThreads() {
  int count = 0;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(thread.path() / "comm");
    std::string name;
    std::getline(file, name);
    if (name == kThreadName) ++count;
  }
  return count;
}

// A thread takes its name after it has begun.
bool AwaitThreads(int expected) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (CountThreads() != expected) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace

int CallbackThreads::Kept() {
  return std::clamp(static_cast<int>(sysconf(_SC_NPROCESSORS_CONF)) / 2, 2, 16);
}

std::unique_ptr<CallbackThreads> CallbackThreads::Hold(grpc::Server* server, int running) {
  std::unique_ptr<CallbackThreads> threads(new CallbackThreads(server->InProcessChannel({})));
  if (running > 0 && AwaitThreads(Kept())) {
    const std::lock_guard<std::mutex> lock(held_mutex);
    for (int more = Kept() - running - held_in_process; more > 0; --more) threads->HoldOne();
    held_in_process += threads->held();
  }
  threads->beat_ = std::thread([all = threads.get()] { all->Beat(); });
  return threads;
}

CallbackThreads::~CallbackThreads() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  beat_.join();
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return under_way_ == 0; });
  const std::lock_guard<std::mutex> in_process(held_mutex);
  held_in_process -= held_;
}

int CallbackThreads::held() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return held_;
}

void CallbackThreads::OnThread(std::function<void()> then) {
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request, response;
  };
  const auto call = std::make_shared<Call>();
  const grpc::Slice nothing;
  call->request = grpc::ByteBuffer(&nothing, 1);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++under_way_;
  }
  // There is no such method: that an answer comes is what counts, and it needs no service.
  stub_.UnaryCall(&call->context, "/millrace/Nothing", {}, &call->request, &call->response,
                  [this, call, then = std::move(then)](const grpc::Status&) {
                    then();
                    const std::lock_guard<std::mutex> lock(mutex_);
                    --under_way_;
                    changed_.notify_all();
                  });
}

void CallbackThreads::HoldOne() {
  const int before = held();
  OnThread([this] {
    std::unique_lock<std::mutex> lock(mutex_);
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return ending_; });
  });
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this, before] { return held_ > before; });
}

void CallbackThreads::Beat() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!changed_.wait_for(lock, kBeat, [this] { return ending_; })) {
    lock.unlock();
    OnThread([] {});
    lock.lock();
  }
}

}  // namespace millrace::server
