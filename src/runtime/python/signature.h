// What a function is traced for, as text (evidence/wire/traces.h): its arguments, as the trace will tell them apart.
//
// Runs no code of the program's: no attribute of an object is asked for that is neither TensorFlow's nor of a type of
// Python's own, and only of the latter a text is made. The caller holds the interpreter's lock; leaves no exception
// behind.
#pragma once

#include "evidence/wire/traces.h"
#include "runtime/python/interpreter.h"

namespace segwhy::runtime::python {

class SignatureWriter {
 public:
  SignatureWriter(const Interpreter& python, char (&into)[wire::kMaxSignatureBytes]) : python_(python), into_(into) {}

  // Positional arguments, `names` in the same order as far as it goes; either may be null. Then those with a name.
  void add_positional(Object* arguments, Object* names);
  void add_named(Object* arguments);

  [[nodiscard]] uint16_t size() const { return static_cast<uint16_t>(size_); }
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  // Where a value was found: a name, and positions or keys below it.
  struct Path {
    Text name;
    ssize_t position = -1;  // of an argument without a name
    ssize_t indices[2] = {};
    int depth = 0;
  };
  void add(const Path& path, Object* value);
  void add_items(const Path& path, Object* values);
  [[nodiscard]] bool add_tensor(Object* value);
  void add_object(Object* value);
  void begin(const Path& path, char kind);
  void put(Text text);
  void put(const char* text);
  void put_number(uint64_t number, unsigned base);

  const Interpreter& python_;
  char (&into_)[wire::kMaxSignatureBytes];
  size_t size_ = 0;
  size_t complete_ = 0;  // bytes of whole lines
  bool is_cut_ = false;
};

}  // namespace segwhy::runtime::python
