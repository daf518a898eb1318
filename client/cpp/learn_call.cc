#include "client/cpp/learn_call.h"

#include <utility>

namespace millrace::client {

LearnCall::LearnCall(v1::Learning::Stub* stub, std::function<void(const v1::LearnReply&)> on_reply,
                     std::function<void()> on_end)
    : stream_(stub->Learn(&context_)),
      on_reply_(std::move(on_reply)),
      on_end_(std::move(on_end)),
      reader_([this] { Read(); }) {}

void LearnCall::Read() {
  v1::LearnReply reply;
  while (stream_->Read(&reply)) on_reply_(reply);
  on_end_();
}

grpc::Status LearnCall::Close() {
  reader_.join();
  return stream_->Finish();
}

}  // namespace millrace::client
