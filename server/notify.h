// systemd's readiness protocol: one datagram to the socket that NOTIFY_SOCKET names.
//
//   NotifySystemd("READY=1");
#ifndef MILLRACE_SERVER_NOTIFY_H_
#define MILLRACE_SERVER_NOTIFY_H_

#include <string>

namespace millrace::server {

// Does nothing where NOTIFY_SOCKET is not set. False where it is set and nothing could be sent.
bool NotifySystemd(const std::string& state);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_NOTIFY_H_
