// Builds Cases by hand for the tests of the rules: each call adds one piece of evidence.
#pragma once

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "diagnose/diagnose.h"
#include "evidence/model/case.h"

namespace segwhy::testing_support {

inline constexpr Address kStackTop = 0x7ffffffff000;
inline constexpr Address kStackLimit = 8U << 20U;
inline constexpr int kPid = 4711;
inline constexpr int kWorkerTid = 4799;

inline NativeFrame native(std::string function, std::string module = "/env/lib/libkernel.so",
                          Address pc = 0x7f0000001000) {
  NativeFrame frame;
  frame.pc = pc;
  frame.short_name = function;
  frame.function = std::move(function);
  frame.module = std::move(module);
  return frame;
}

inline NativeFrame libc(std::string function) {
  return native(std::move(function), "/lib/x86_64-linux-gnu/libc.so.6");
}
inline NativeFrame interpreter(std::string function) {
  return native(std::move(function), "/usr/lib/libpython3.11.so.1.0");
}

inline PythonFrame python(std::string file, int line, std::string function, std::string origin = "user") {
  PythonFrame frame;
  frame.file = std::move(file);
  frame.line = line;
  frame.function = std::move(function);
  frame.origin = std::move(origin);
  return frame;
}

inline TensorInfo tensor(std::string name, std::string dtype, std::vector<std::int64_t> shape,
                         std::string preview = {}) {
  TensorInfo info;
  info.name = std::move(name);
  info.dtype = std::move(dtype);
  info.shape = std::move(shape);
  info.preview = std::move(preview);
  return info;
}

inline MappingInfo mapping(Address start, Address end, std::string permissions, std::string path = {}) {
  MappingInfo info;
  info.start = start;
  info.end = end;
  info.permissions = std::move(permissions);
  info.path = std::move(path);
  return info;
}

// `width ptr [base + index * scale + displacement]` with the registers' values.
struct Memory {
  std::string base;
  std::uint64_t base_value = 0;
  std::string index{};
  std::uint64_t index_value = 0;
  std::uint32_t scale = 1;
  std::int64_t displacement = 0;
  std::uint32_t width = 8;
};

class CaseBuilder {
 public:
  CaseBuilder() {
    c_.program.pid = kPid;
    c_.program.argv = {"python", "main.py"};
    c_.program.python = "3.11.7";
    c_.program.executable = "/usr/bin/python3.11";
    c_.program.fork.origin = "root";
    c_.machine.limits["stack"] = {kStackLimit, std::nullopt};
  }

  CaseBuilder& signal(int number, int code = 1) {
    c_.death.kind = "signal";
    c_.death.signal = number;
    c_.death.code = code;
    return *this;
  }
  CaseBuilder& sender(int pid, std::string name = {}) {
    c_.death.sender_pid = pid;
    c_.death.sender_name = std::move(name);
    return *this;
  }
  // abort() as the kernel sees it.
  CaseBuilder& abort() { return signal(SIGABRT, -6).sender(kPid); }
  CaseBuilder& exit(int status) {
    c_.death.kind = "exit";
    c_.death.exit_code = status;
    return *this;
  }
  CaseBuilder& said(const std::string& text) {
    c_.messages.stderr_tail += text;
    return *this;
  }
  CaseBuilder& abort_text(std::string text) {
    c_.messages.abort_text = std::move(text);
    return *this;
  }
  // The thread that died (the main one), with its native stack and a user's line.
  CaseBuilder& crashed(std::vector<NativeFrame> stack, bool with_python = true) {
    Thread thread;
    thread.tid = kPid;
    thread.is_main = thread.crashed = true;
    thread.native = std::move(stack);
    thread.has_python_state = true;
    thread.stack_end = kStackTop;
    thread.stack_start = kStackTop - (132U << 10U);
    if (with_python) thread.python = {python("/home/u/main.py", 8, "<module>")};
    c_.threads.push_back(std::move(thread));
    std::rotate(c_.threads.begin(), c_.threads.end() - 1, c_.threads.end());
    return *this;
  }
  CaseBuilder& other_thread(std::vector<NativeFrame> stack, std::vector<PythonFrame> frames = {}) {
    Thread thread;
    thread.tid = kWorkerTid + static_cast<int>(c_.threads.size());
    thread.native = std::move(stack);
    thread.python = std::move(frames);
    c_.threads.push_back(std::move(thread));
    return *this;
  }
  CaseBuilder& fault(Address address, std::string access) {
    Fault& fault = c_.fault ? *c_.fault : c_.fault.emplace();
    fault.address = address;
    fault.address_source = "siginfo";
    fault.access = std::move(access);
    c_.death.address = address;
    return *this;
  }
  CaseBuilder& instruction(std::string text, std::string category, const Memory& memory) {
    Instruction& instruction = decoded(std::move(text), std::move(category));
    Operand operand;
    operand.kind = "memory";
    operand.base = memory.base;
    operand.index = memory.index;
    operand.scale = memory.scale;
    operand.displacement = memory.displacement;
    operand.width = memory.width;
    operand.address =
        memory.base_value + memory.index_value * memory.scale + static_cast<std::uint64_t>(memory.displacement);
    operand.read = c_.fault->access != "write";
    operand.written = !operand.read;
    if (!memory.base.empty()) operand.registers[memory.base] = memory.base_value;
    if (!memory.index.empty()) operand.registers[memory.index] = memory.index_value;
    c_.fault->width = memory.width;
    c_.fault->operand = static_cast<std::uint32_t>(instruction.operands.size());
    instruction.operands.push_back(std::move(operand));
    return *this;
  }
  CaseBuilder& instruction_on_register(std::string text, std::string category, const std::string& name,
                                       std::uint64_t value) {
    Operand operand;
    operand.text = name;
    operand.kind = "register";
    operand.value = value;
    operand.width = 8;
    operand.read = true;
    decoded(std::move(text), std::move(category)).operands.push_back(std::move(operand));
    return *this;
  }
  CaseBuilder& inside(MappingInfo info) {
    c_.fault->inside = std::move(info);
    return *this;
  }
  CaseBuilder& below(MappingInfo info) {
    info.distance = c_.fault->address.value_or(0) - info.end;
    c_.fault->below = std::move(info);
    return *this;
  }
  CaseBuilder& op(std::string name, std::vector<TensorInfo> inputs = {}) {
    Framework& framework = c_.framework.emplace();
    framework.name = "tensorflow";
    framework.version = "2.8.0";
    framework.op = std::move(name);
    framework.confidence = "certain";
    framework.inputs = std::move(inputs);
    return *this;
  }
  CaseBuilder& module(std::string path, std::vector<std::string> markers, std::string package = {},
                      std::string version = {}) {
    Module& module = c_.program.modules.emplace_back();
    module.path = std::move(path);
    module.markers = std::move(markers);
    module.package = std::move(package);
    module.package_version = std::move(version);
    return *this;
  }

  // Whatever has no call of its own.
  Case& raw() { return c_; }
  [[nodiscard]] Verdict verdict() const { return diagnose(c_); }

 private:
  Instruction& decoded(std::string text, std::string category) {
    Fault& fault = c_.fault ? *c_.fault : c_.fault.emplace();
    Instruction& instruction = fault.instruction ? *fault.instruction : fault.instruction.emplace();
    instruction.text = std::move(text);
    instruction.category = std::move(category);
    return instruction;
  }

  Case c_;
};

inline bool has_alternative(const Verdict& verdict, std::string_view slug) {
  for (const Alternative& alternative : verdict.alternatives)
    if (alternative.verdict_class == slug) return true;
  return false;
}

inline bool has_factor(const Verdict& verdict, std::string_view factor) {
  for (const std::string& f : verdict.factors)
    if (f == factor) return true;
  return false;
}

inline std::string all_text(const Verdict& verdict) {
  std::string text = verdict.summary;
  for (const auto* list : {&verdict.evidence, &verdict.advice, &verdict.experiments})
    for (const std::string& sentence : *list) text += "\n" + sentence;
  return text;
}

}  // namespace segwhy::testing_support
