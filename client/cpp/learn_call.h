// One bidirectional Learn call with a thread that reads.
//
// Reading never waits for writing or for the program, so the server is never held up by us.
// `on_reply` and `on_end` run on the reading thread; on_end once, after the last reply. Write is
// for one thread at a time. Close ends the call and joins the thread; the destructor requires it.
#ifndef MILLRACE_CLIENT_CPP_LEARN_CALL_H_
#define MILLRACE_CLIENT_CPP_LEARN_CALL_H_

#include <functional>
#include <memory>
#include <thread>

#include "grpcpp/client_context.h"
#include "millrace/v1/learn.grpc.pb.h"

namespace millrace::client {

class LearnCall {
 public:
  LearnCall(v1::Learning::Stub* stub, std::function<void(const v1::LearnReply&)> on_reply,
            std::function<void()> on_end);
  LearnCall(const LearnCall&) = delete;
  LearnCall& operator=(const LearnCall&) = delete;

  // False once the call is broken.
  bool Write(const v1::LearnRequest& request) { return stream_->Write(request); }
  // Nothing more will be written; the server answers what it has and ends the call.
  void WritesDone() { stream_->WritesDone(); }
  // Ends it at once. Any thread.
  void Cancel() { context_.TryCancel(); }
  // Waits for the reader, which a broken, cancelled or finished call ends.
  grpc::Status Close();

 private:
  void Read();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>> stream_;
  std::function<void(const v1::LearnReply&)> on_reply_;
  std::function<void()> on_end_;
  std::thread reader_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_LEARN_CALL_H_
