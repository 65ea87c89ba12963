#include "runtime/python/signature.h"

#include <string.h>

namespace segwhy::runtime::python {
namespace {

constexpr ssize_t kMostItems = 16;  // of a list or tuple
constexpr int kMostDepth = 2;
constexpr size_t kMostText = 32;  // bytes of a str
constexpr char kTensorFlow[] = "tensorflow.";

// A part of the text that does not begin in the middle of a character, and has none of the bytes that part a signature.
[[nodiscard]] Text shown_part(Text text) {
  size_t size = text.size < kMostText ? text.size : kMostText;
  while (size > 0 && size < text.size && (static_cast<unsigned char>(text.data[size]) & 0xc0u) == 0x80u) --size;
  for (size_t i = 0; i < size; ++i) {
    if (text.data[i] == '\n' || text.data[i] == '\t') return {text.data, i};
  }
  return {text.data, size};
}

// A class of TensorFlow's own. Variables count by their identity, whatever they hold.
[[nodiscard]] bool is_tensor_type(const Interpreter& python, Object* type) {
  const Owned module(python, python.PyObject_GetAttrString(type, "__module__"));
  const Text where = text_of(python, module.get());
  constexpr size_t kSize = sizeof kTensorFlow - 1;
  if (where.size < kSize || memcmp(where.data, kTensorFlow, kSize) != 0) return false;
  const Owned name(python, python.PyObject_GetAttrString(type, "__name__"));
  const Text text = text_of(python, name.get());
  return memmem(text.data, text.size, "Variable", sizeof "Variable" - 1) == nullptr;
}

}  // namespace

void SignatureWriter::put(Text text) {
  if (is_cut_ || text.size > sizeof into_ - size_) {
    is_cut_ = true;
    size_ = complete_;
    return;
  }
  memcpy(into_ + size_, text.data, text.size);
  size_ += text.size;
}

void SignatureWriter::put(const char* text) {
  put(Text{text, strlen(text)});
}

void SignatureWriter::put_number(uint64_t number, unsigned base) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  put(Text{digits + at, sizeof digits - at});
}

void SignatureWriter::begin(const Path& path, char kind) {
  constexpr unsigned kDecimal = 10;
  if (path.name.size != 0) {
    put(shown_part(path.name));
  } else {
    put("argument ");
    put_number(static_cast<uint64_t>(path.position + 1), kDecimal);
  }
  for (int i = 0; i < path.depth; ++i) {
    put("[");
    put_number(static_cast<uint64_t>(path.indices[i]), kDecimal);
    put("]");
  }
  const char kinds[] = {'\t', kind, '\t'};
  put(Text{kinds, sizeof kinds});
}

// By its attributes, which TensorFlow's own classes have; false: it has none of them.
bool SignatureWriter::add_tensor(Object* value) {
  const Owned type(python_, python_.PyObject_GetAttrString(value, "dtype"));
  if (!type) return false;
  const Owned shape(python_, python_.PyObject_GetAttrString(value, "shape"));
  if (!shape) return false;
  const Owned name(python_, python_.PyObject_GetAttrString(type.get(), "name"));
  const Owned dimensions(python_, python_.PyObject_Str(shape.get()));
  put(text_of(python_, name.get()));
  put(text_of(python_, dimensions.get()));
  return true;
}

void SignatureWriter::add_object(Object* value) {
  constexpr unsigned kHexadecimal = 16;
  const Owned name(python_, python_.PyObject_GetAttrString(type_of(value), "__name__"));
  put(shown_part(text_of(python_, name.get())));
  put(" ");
  put_number(reinterpret_cast<uint64_t>(value), kHexadecimal);
}

void SignatureWriter::add_items(const Path& path, Object* values) {
  const ssize_t count = python_.PySequence_Size(values);
  if (path.depth == kMostDepth || count > kMostItems) {
    is_cut_ = true;
    return;
  }
  Path inner = path;
  for (ssize_t i = 0; i < count; ++i) {
    const Owned item(python_, python_.PySequence_GetItem(values, i));
    if (item.get() == nullptr) return;
    inner.depth = path.depth + 1;
    inner.indices[path.depth] = i;
    add(inner, item.get());
  }
}

void SignatureWriter::add(const Path& path, Object* value) {
  if (is_cut_) return;
  Object* const type = type_of(value);
  if (type == python_.PyTuple_Type || type == python_.PyList_Type) return add_items(path, value);
  if (value == python_._Py_NoneStruct) {
    begin(path, wire::kSignatureNone);
  } else if (type == python_.PyLong_Type || type == python_.PyFloat_Type || type == python_.PyBool_Type) {
    begin(path, wire::kSignatureNumber);
    const Owned text(python_, python_.PyObject_Str(value));
    put(shown_part(text_of(python_, text.get())));
  } else if (type == python_.PyUnicode_Type) {
    begin(path, wire::kSignatureText);
    put(shown_part(text_of(python_, value)));
  } else {
    const size_t before = size_;
    begin(path, wire::kSignatureTensor);
    if (!is_tensor_type(python_, type) || !add_tensor(value)) {
      size_ = before;
      begin(path, wire::kSignatureObject);
      add_object(value);
    }
  }
  put("\n");
  complete_ = size_;
}

void SignatureWriter::add_positional(Object* arguments, Object* names) {
  if (arguments == nullptr || type_of(arguments) != python_.PyTuple_Type) return;
  const bool are_named =
      names != nullptr && (type_of(names) == python_.PyList_Type || type_of(names) == python_.PyTuple_Type);
  const ssize_t named = are_named ? python_.PySequence_Size(names) : 0;
  const ssize_t count = python_.PyTuple_Size(arguments);
  for (ssize_t i = 0; i < count; ++i) {
    const Owned name(python_, i < named ? python_.PySequence_GetItem(names, i) : nullptr);
    Path path;
    path.name = text_of(python_, name.get());
    path.position = i;
    add(path, python_.PyTuple_GetItem(arguments, i));
  }
}

void SignatureWriter::add_named(Object* arguments) {
  if (arguments == nullptr || type_of(arguments) != python_.PyDict_Type) return;
  ssize_t at = 0;
  Object *key = nullptr, *value = nullptr;
  while (python_.PyDict_Next(arguments, &at, &key, &value) != 0) {
    Path path;
    path.name = text_of(python_, key);
    add(path, value);
  }
}

}  // namespace segwhy::runtime::python
