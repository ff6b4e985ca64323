// Messages between processes: sockets that keep the borders of what is sent.

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cassert>
#include <cstring>

#include "os/linux/descriptor.hpp"

namespace muster::os {
namespace {

// Room for the control message that carries descriptors.
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(kMostMessageDescriptors * sizeof(int))> bytes{};
};

// Lays the descriptors out as the kernel wants them, and says how many bytes that takes.
std::size_t pack(msghdr& header, Control& control, std::span<const int> descriptors) noexcept {
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  cmsghdr* const first = CMSG_FIRSTHDR(&header);
  first->cmsg_level = SOL_SOCKET;
  first->cmsg_type = SCM_RIGHTS;
  first->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(first), descriptors.data(), descriptors.size_bytes());
  return CMSG_SPACE(descriptors.size_bytes());
}

// Takes the descriptors that came, into a vector with room for them: from here on nothing may throw.
void unpack(msghdr& header, std::vector<Descriptor>& into) noexcept {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof number, sizeof number);
      into.push_back(own(number));
    }
  }
}

// 0, or errno.
int send(const Descriptor& to, std::span<const std::byte> bytes, std::span<const int> descriptors, int flags) noexcept {
  assert(!bytes.empty() && bytes.size() <= kMostMessageBytes && descriptors.size() <= kMostMessageDescriptors);
  iovec data = {const_cast<std::byte*>(bytes.data()), bytes.size()};  // NOLINT: the kernel only reads it
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  Control control;
  if (!descriptors.empty()) header.msg_controllen = pack(header, control, descriptors);
  const int callers_errno = errno;
  int error = 0;
  do {
    error = sendmsg(to.number(), &header, flags | MSG_NOSIGNAL) < 0 ? errno : 0;
  } while (error == EINTR);
  errno = callers_errno;
  return error;
}

// Not now, but later: too much is on its way.
bool is_full(int error) noexcept {
  return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

}  // namespace

std::pair<Descriptor, Descriptor> message_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw_error(errno, "cannot make a connection");
  std::pair<Descriptor, Descriptor> pair(own(ends[0]), own(ends[1]));
  if (!pair.first || !pair.second) throw_error(EMFILE, "cannot make a connection");
  return pair;
}

bool send_message(const Descriptor& to, std::span<const std::byte> bytes, std::span<const int> descriptors) noexcept {
  for (;;) {
    const int error = send(to, bytes, descriptors, 0);
    if (!is_full(error)) return error == 0;
    // The connection itself would have made us wait; the system is short of something that nobody tells the return of.
    constexpr int kMoment = 1;
    poll(nullptr, 0, kMoment);
  }
}

Offer offer_message(const Descriptor& to, std::span<const std::byte> bytes, std::span<const int> descriptors) noexcept {
  const int error = send(to, bytes, descriptors, MSG_DONTWAIT);
  if (error == 0) return Offer::kTaken;
  return is_full(error) ? Offer::kFull : Offer::kClosed;
}

void shut(const Descriptor& connection) noexcept { shutdown(connection.number(), SHUT_RDWR); }

Message receive_message(const Descriptor& from) {
  Message message;
  message.descriptors.reserve(kMostMessageDescriptors);
  iovec data = {message.room.data(), message.room.size()};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  Control control;
  ssize_t got = 0;
  do {
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    got = recvmsg(from.number(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // ECONNRESET is told once, when the other side has closed with something unread; what it sent before is still here.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  const bool later = got < 0 && is_full(errno);
  if (got <= 0) {
    message.state = later ? Message::State::kNothing : Message::State::kClosed;
    return message;
  }
  message.state = Message::State::kMessage;
  message.size = static_cast<std::size_t>(got);
  unpack(header, message.descriptors);
  message.cut = (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
  for (const Descriptor& descriptor : message.descriptors) message.cut |= !descriptor;
  return message;
}

}  // namespace muster::os
