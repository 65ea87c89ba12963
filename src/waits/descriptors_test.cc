#include "waits/descriptors.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace segwhy::waits {
namespace {

const ChannelEnd* end_at(const std::vector<ChannelEnd>& ends, int fd) {
  const auto it = std::find_if(ends.begin(), ends.end(), [fd](const ChannelEnd& e) { return e.fd == fd; });
  return it == ends.end() ? nullptr : &*it;
}

struct Pair {
  int ends[2] = {-1, -1};
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

TEST(Descriptors, APipesEndsShareItsInode) {
  Pair pipe;
  ASSERT_EQ(::pipe(pipe.ends), 0);
  const auto ends = channel_ends(::getpid(), {});
  const ChannelEnd* const reader = end_at(ends, pipe.ends[0]);
  const ChannelEnd* const writer = end_at(ends, pipe.ends[1]);
  ASSERT_TRUE(reader != nullptr && writer != nullptr);
  EXPECT_EQ(reader->channel, writer->channel);
  EXPECT_TRUE(reader->reads && !reader->writes);
  EXPECT_TRUE(writer->writes && !writer->reads);
}

TEST(Descriptors, SocketPairsNameEachOther) {
  Pair sockets;
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.ends), 0);
  const SocketPeers peers = socket_peers();
  if (peers.empty()) GTEST_SKIP() << "the kernel tells nothing of sockets here";
  const auto ends = channel_ends(::getpid(), peers);
  const ChannelEnd* const one = end_at(ends, sockets.ends[0]);
  const ChannelEnd* const other = end_at(ends, sockets.ends[1]);
  ASSERT_TRUE(one != nullptr && other != nullptr);
  EXPECT_EQ(one->channel.inode, other->channel.peer);
  EXPECT_EQ(one->channel.peer, other->channel.inode);
}

TEST(Descriptors, ReadinessIsAskedWithoutConsumingAnything) {
  Pair pipe;
  ASSERT_EQ(::pipe(pipe.ends), 0);
  const std::vector<Interest> read{{pipe.ends[0], true, false}};
  const auto before = would_block(::getpid(), read);
  if (!before) GTEST_SKIP() << "descriptors cannot be borrowed here";
  EXPECT_TRUE(*before);
  ASSERT_EQ(::write(pipe.ends[1], "x", 1), 1);
  EXPECT_EQ(would_block(::getpid(), read), false);
  char byte = 0;
  EXPECT_EQ(::read(pipe.ends[0], &byte, 1), 1);
}

TEST(Descriptors, EpollTellsWhatItWatches) {
  Pair pipe;
  ASSERT_EQ(::pipe(pipe.ends), 0);
  const int epoll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  ASSERT_EQ(::epoll_ctl(epoll, EPOLL_CTL_ADD, pipe.ends[0], &event), 0);
  const auto interests = epoll_interests(::getpid(), epoll);
  ::close(epoll);
  ASSERT_EQ(interests.size(), 1U);
  EXPECT_EQ(interests.front().fd, pipe.ends[0]);
  EXPECT_TRUE(interests.front().reads && !interests.front().writes);
}

TEST(Descriptors, WhoWasNotLookedAtIsOutside) {
  Pair pipe;
  ASSERT_EQ(::pipe(pipe.ends), 0);
  ProcessFacts other;
  other.pid = -1;
  other.ends = channel_ends(::getpid(), {});
  const Outside outside = outside_of({other}, {});
  EXPECT_NE(end_at(outside.ends, pipe.ends[0]), nullptr) << "this process holds it, too";
}

}  // namespace
}  // namespace segwhy::waits
