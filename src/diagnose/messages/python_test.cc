#include "diagnose/messages/python.h"

#include <gtest/gtest.h>

#include "diagnose/messages/text_facts.h"

namespace segwhy::text {
namespace {

constexpr char kChained[] = R"(Traceback (most recent call last):
  File "main.py", line 3, in load
    return table[key]
           ~~~~~^^^^^
KeyError: 'a'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "main.py", line 9, in <module>
    run()
  File "/usr/lib/python3.11/runpy.py", line 5, in run
    work()
ValueError: no such table
second line of the message
)";

TEST(Traceback, ChainedFramesSourcesAndMultiLineMessages) {
  const auto found = find_tracebacks(lines_of(kChained));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].type, "KeyError");
  EXPECT_FALSE(found[0].chained);
  EXPECT_EQ(found[1].message, "no such table\nsecond line of the message");
  EXPECT_TRUE(found[1].chained);
  ASSERT_EQ(found[1].frames.size(), 2U);
  EXPECT_EQ(found[1].frames[0].file, "main.py");
  EXPECT_EQ(found[1].frames[0].line, 9);
  EXPECT_EQ(found[1].frames[0].source, "run()");
  EXPECT_EQ(found[0].frames[0].source, "return table[key]");
  EXPECT_EQ(found[0].frames[0].function, "load");
}

TEST(Traceback, RepeatedLinesThreadsAndIgnoredOnes) {
  const auto found = find_tracebacks(
      lines_of("Exception in thread Thread-1 (job):\nTraceback (most recent call last):\n  File \"a.py\", line 2, in "
               "f\n    f()\n"
               "  [Previous line repeated 996 more times]\nRecursionError: maximum recursion depth exceeded\n"
               "Exception ignored in: <function X.__del__>\nTraceback (most recent call last):\n  File \"a.py\", line "
               "9, in __del__\n"
               "AttributeError: x\n"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].in_thread);
  EXPECT_EQ(found[0].frames.back().repeated, 996U);
  EXPECT_TRUE(found[1].ignored);
  EXPECT_EQ(found[1].type, "AttributeError");
}

TEST(Traceback, ExceptionNameDropsTheModule) {
  const auto found =
      find_tracebacks(lines_of("Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n"
                               "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 1.0 TiB\n"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(exception_name(found[0]), "_ArrayMemoryError");
}

TEST(Traceback, OneThatIsCutOffIsNotInvented) {
  EXPECT_TRUE(find_tracebacks(lines_of("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n")).empty());
  EXPECT_TRUE(find_tracebacks(lines_of("Traceback (most recent call last):")).empty());
}

TEST(FinalTraceback, MustBeNearTheEndAndEndTheMainThread) {
  Messages messages;
  messages.stderr_tail = kChained;
  EXPECT_NE(read_messages(messages).final_traceback(), nullptr);
  for (int i = 0; i < 200; ++i) messages.stderr_tail += "Epoch done\nExceptionally long training\nstep\n";
  messages.stderr_tail += "During handling of the above exception, another exception occurred:\n";
  EXPECT_EQ(read_messages(messages).final_traceback(), nullptr) << "it was logged long ago";
}

TEST(PythonFatal, NewAndOldFormatsAndTheRuntimeState) {
  const auto recent = find_python_fatal(lines_of(
      "Fatal Python error: PyThreadState_Get: the function must be called with the GIL held, but the GIL is released\n"
      "Python runtime state: initialized\n"));
  ASSERT_TRUE(recent);
  EXPECT_EQ(recent->function, "PyThreadState_Get");
  EXPECT_EQ(recent->state, "initialized");
  const auto old = find_python_fatal(lines_of("Fatal Python error: Cannot recover from stack overflow.\n"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->function, "");
  EXPECT_EQ(old->message, "Cannot recover from stack overflow.");
  const auto late = find_python_fatal(lines_of(
      "Fatal Python error: _enter_buffered_busy: could not acquire lock for <_io.BufferedWriter name='<stdout>'> at "
      "interpreter shutdown, possibly due to daemon threads\nPython runtime state: finalizing (tstate=0x00007f)\n"));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->state, "finalizing");
}

TEST(PythonFatal, FaulthandlersReportOfASignalIsNotOne) {
  for (const char* name :
       {"Segmentation fault", "Aborted", "Bus error", "Illegal instruction", "Floating point exception"})
    EXPECT_FALSE(find_python_fatal(lines_of(std::string("Fatal Python error: ") + name + "\n\n"))) << name;
}

TEST(FaultStack, InnermostFirst) {
  const auto frames = find_fault_stack(lines_of(
      "Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n  File \"w.py\", line 1 in wait\n\n"
      "Current thread 0x2 (most recent call first):\n  File \"cffi/api.py\", line 537 in from_handle\n"
      "  File \"main.py\", line 10 in <module>\n\nExtension modules: x (total: 1)\n"));
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].function, "from_handle");
  EXPECT_EQ(frames[1].line, 10);
}

}  // namespace
}  // namespace segwhy::text
