#include "waits/descriptors.h"

#include <dirent.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/text.h"
#include "capture/procfs.h"

namespace segwhy::waits {
namespace {

struct CloseDirectory {
  void operator()(DIR* d) const { ::closedir(d); }
};

// The names in a directory that are numbers.
std::vector<int> numbers_in(const std::string& path) {
  std::vector<int> out;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) return out;
  while (const dirent* entry = ::readdir(directory.get()))  // NOLINT(concurrency-mt-unsafe): our own stream
    if (const auto number = parse_number(entry->d_name)) out.push_back(static_cast<int>(*number));
  return out;
}

// "pipe:[4711]" with kind "pipe".
std::optional<std::uint64_t> inode_in(std::string_view link, std::string_view kind) {
  if (!link.starts_with(kind) || !link.substr(kind.size()).starts_with(":[") || !link.ends_with(']'))
    return std::nullopt;
  link.remove_prefix(kind.size() + 2);
  link.remove_suffix(1);
  return parse_number(link);
}

std::optional<Channel> channel_of(std::string_view link, const SocketPeers& peers) {
  if (const auto inode = inode_in(link, "pipe")) return Channel{*inode, 0};
  const auto socket = inode_in(link, "socket");
  const auto peer = socket ? peers.find(*socket) : peers.end();
  return peer == peers.end() ? std::nullopt : std::optional(Channel{peer->first, peer->second});
}

struct DumpRequest {
  nlmsghdr header;
  unix_diag_req request;
};

Fd request_dump() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket) return {};
  const timeval limit{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  DumpRequest message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = AF_UNIX;
  message.request.udiag_states = UINT32_MAX;
  message.request.udiag_show = UDIAG_SHOW_PEER;
  if (::send(socket.get(), &message, sizeof message, 0) != static_cast<ssize_t>(sizeof message)) return {};
  return socket;
}

// What follows a header, in both of netlink's nested forms: the length field counts the header itself.
template <class Header>
std::optional<Header> header_at(std::span<const char> bytes) {
  Header header{};
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

constexpr std::size_t aligned(std::size_t length) {
  return (length + 3U) & ~std::size_t{3};
}

void add_peer(std::span<const char> message, SocketPeers& peers) {
  const auto socket = header_at<unix_diag_msg>(message);
  if (!socket) return;
  message = message.subspan(sizeof *socket);
  while (const auto attribute = header_at<rtattr>(message)) {
    if (attribute->rta_len < sizeof *attribute || attribute->rta_len > message.size()) return;
    const auto peer = header_at<std::uint32_t>(message.subspan(sizeof *attribute));
    if (attribute->rta_type == UNIX_DIAG_PEER && peer) peers[socket->udiag_ino] = *peer;
    message = message.subspan(std::min(aligned(attribute->rta_len), message.size()));
  }
}

// False at the end of the dump.
bool add_peers(std::span<const char> messages, SocketPeers& peers) {
  while (const auto header = header_at<nlmsghdr>(messages)) {
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;  // done, or an error
    if (header->nlmsg_len < sizeof *header || header->nlmsg_len > messages.size()) return false;
    add_peer(messages.subspan(sizeof *header, header->nlmsg_len - sizeof *header), peers);
    messages = messages.subspan(std::min(aligned(header->nlmsg_len), messages.size()));
  }
  return true;
}

// A copy of the process's descriptor: asking it for readiness changes nothing.
Fd borrow(int pidfd, int fd) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, fd, 0)));
}

}  // namespace

SocketPeers socket_peers() {
  SocketPeers peers;
  const Fd socket = request_dump();
  if (!socket) return peers;
  std::array<char, 32768> buffer{};
  for (;;) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || !add_peers(std::span(buffer).first(static_cast<std::size_t>(got)), peers)) return peers;
  }
}

std::vector<ChannelEnd> channel_ends(int pid, const SocketPeers& peers) {
  std::vector<ChannelEnd> out;
  const std::string folder = proc_path(pid, "fd");
  for (const int fd : numbers_in(folder)) {
    const std::string path = folder + "/" + std::to_string(fd);
    const auto channel = channel_of(read_link(path), peers);
    struct stat link {};
    if (!channel || ::lstat(path.c_str(), &link) != 0) continue;
    // The link's own permissions are the mode in which the descriptor is open.
    out.push_back({fd, *channel, (link.st_mode & S_IRUSR) != 0, (link.st_mode & S_IWUSR) != 0});
  }
  return out;
}

Outside outside_of(const std::vector<ProcessFacts>& looked_at, const SocketPeers& peers) {
  std::set<std::uint64_t> wanted;
  std::set<int> known;
  for (const ProcessFacts& process : looked_at) {
    known.insert(process.pid);
    for (const ChannelEnd& end : process.ends) wanted.insert({end.channel.inode, end.channel.peer});
  }
  Outside outside;
  for (const int pid : numbers_in("/proc")) {
    if (known.contains(pid)) continue;
    for (const ChannelEnd& end : channel_ends(pid, peers))
      if (wanted.contains(end.channel.inode)) outside.ends.push_back(end);
  }
  return outside;
}

std::vector<Interest> epoll_interests(int pid, int fd) {
  std::vector<Interest> out;
  const std::string text = read_proc(proc_path(pid, "fdinfo/") + std::to_string(fd));
  for (const std::string_view line : split(text, '\n')) {
    // "tfd:        5 events:       19 data: ..."
    const auto events_at = line.find("events:");
    if (!line.starts_with("tfd:") || events_at == std::string_view::npos) continue;
    const auto watched = parse_number(trim(line.substr(4, events_at - 4)));
    std::string_view events = trim(line.substr(events_at + 7));
    const auto mask = parse_number(events.substr(0, events.find(' ')), 16);
    if (!watched || !mask) continue;
    out.push_back({static_cast<int>(*watched), (*mask & EPOLLIN) != 0, (*mask & EPOLLOUT) != 0});
  }
  return out;
}

std::optional<bool> would_block(int pid, const std::vector<Interest>& interests) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return std::nullopt;
  for (const Interest& interest : interests) {
    const Fd copy = borrow(process.get(), interest.fd);
    if (!copy) return std::nullopt;
    const int events = (interest.reads ? POLLIN : 0) | (interest.writes ? POLLOUT : 0);
    pollfd wait{copy.get(), static_cast<short>(events), 0};
    if (::poll(&wait, 1, 0) != 0) return false;
  }
  return true;
}

}  // namespace segwhy::waits
