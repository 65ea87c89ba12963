#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "symbols/demangle.h"
#include "symbols/name_parts.h"
#include "symbols/symbolizer.h"

namespace segwhy {
namespace {

struct Name {
  std::string full, brief;
};

// Real names, of TensorFlow 2.8 and 2.21, PyTorch 1.11, pyarrow 11 and libstdc++, as the demangler prints them.
const std::vector<Name> kNames = {
    {"tensorflow::SparseCount<long>::Compute(tensorflow::OpKernelContext*)", "tensorflow::SparseCount<long>::Compute"},
    {"tensorflow::GatherOp<Eigen::ThreadPoolDevice, unsigned long, short>::Compute(tensorflow::OpKernelContext*)",
     "tensorflow::GatherOp<ThreadPoolDevice, unsigned long, short>::Compute"},
    {"tensorflow::(anonymous namespace)::EagerLocalExecute(tensorflow::EagerOperation*, tensorflow::TensorHandle**, "
     "int*)",
     "tensorflow::EagerLocalExecute"},
    {"tensorflow::ThreadPoolDevice::Compute(tensorflow::OpKernel*, tensorflow::OpKernelContext*)",
     "tensorflow::ThreadPoolDevice::Compute"},
    {"tensorflow::data::RootDataset::Iterator::GetNextInternal(tensorflow::data::IteratorContext*, "
     "std::vector<tensorflow::Tensor, std::allocator<tensorflow::Tensor> >*, bool*)",
     "tensorflow::data::RootDataset::Iterator::GetNextInternal"},
    {"tensorflow::Tensor::Tensor(tensorflow::Tensor const&)", "tensorflow::Tensor::Tensor"},
    {"tensorflow::ApplyKerasMomentumOp<Eigen::ThreadPoolDevice, Eigen::bfloat16>::~ApplyKerasMomentumOp()",
     "tensorflow::ApplyKerasMomentumOp<ThreadPoolDevice, bfloat16>::~ApplyKerasMomentumOp"},
    {"void tensorflow::PadOp<Eigen::ThreadPoolDevice, tsl::tstring, int>::Operate<2>(tensorflow::OpKernelContext*, "
     "tensorflow::TTypes<tsl::tstring, 2, long>::ConstTensor, Eigen::TensorMap<Eigen::Tensor<int const, 2, 1, long>, "
     "16, "
     "Eigen::MakePointer>, tsl::tstring, tensorflow::Tensor*)",
     "tensorflow::PadOp<ThreadPoolDevice, tstring, int>::Operate<2>"},
    {"void std::vector<tensorflow::Tensor, std::allocator<tensorflow::Tensor> >::_M_realloc_insert<>"
     "(__gnu_cxx::__normal_iterator<tensorflow::Tensor*, std::vector<tensorflow::Tensor, "
     "std::allocator<tensorflow::Tensor> > >)",
     "std::vector<Tensor>::_M_realloc_insert"},
    {"absl::lts_20210324::container_internal::raw_hash_set<absl::lts_20210324::container_internal::FlatHashSetPolicy"
     "<std::string>, absl::lts_20210324::container_internal::StringHash, absl::lts_20210324::container_internal::"
     "StringHashEq::Eq, std::allocator<std::string> >::resize(unsigned long)",
     "absl::container_internal::raw_hash_set<FlatHashSetPolicy<...>, StringHash, Eq>::resize"},
    {"non-virtual thunk to tensorflow::EagerContext::~EagerContext()", "tensorflow::EagerContext::~EagerContext"},
    {"virtual thunk to tensorpipe::ContextImpl::inLoop() const", "tensorpipe::ContextImpl::inLoop"},
    // What a wrapper calls takes its place.
    {"std::_Function_handler<void (tensorflow::Status const&), tensorflow::data::MapDefunOp::ComputeAsync"
     "(tensorflow::OpKernelContext*, std::function<void ()>)::{lambda(tensorflow::Status const&)#2}>::_M_invoke"
     "(std::_Any_data const&, tensorflow::Status const&)",
     "tensorflow::data::MapDefunOp::ComputeAsync::{lambda}"},
    {"std::_Function_handler<void (long, long), Eigen::internal::TensorExecutor<Eigen::TensorAssignOp<Eigen::TensorMap<"
     "Eigen::Tensor<double, 1, 1, long>, 16, Eigen::MakePointer>, Eigen::TensorMap<Eigen::Tensor<double const, 1, 1, "
     "long>, 16, Eigen::MakePointer> const> const, Eigen::ThreadPoolDevice, true, "
     "(Eigen::internal::TiledEvaluation)0>::"
     "run(Eigen::TensorAssignOp<int, int> const&, Eigen::ThreadPoolDevice const&)::{lambda(long, long)#1}>::_M_invoke"
     "(std::_Any_data const&, long&&, long&&)",
     "Eigen::internal::TensorExecutor<...>::run::{lambda}"},
    {"std::thread::_State_impl<std::thread::_Invoker<std::tuple<tfrt::internal::BlockingWorkQueue<tfrt::internal::"
     "StdThreadingEnvironment>::RunBlockingTask(llvm::unique_function<void ()>)::{lambda()#1}> > >::_M_run()",
     "tfrt::internal::BlockingWorkQueue<StdThreadingEnvironment>::RunBlockingTask::{lambda}"},
    {"void absl::lts_20250814::internal_any_invocable::RemoteInvoker<false, void, grpc_core::XdsClient::Notify(absl::"
     "lts_20250814::StatusOr<int>)::$_0&>(absl::lts_20250814::internal_any_invocable::TypeErasedState*)",
     "grpc_core::XdsClient::Notify::{lambda}"},
    {"void absl::lts_20250814::internal_any_invocable::LocalInvoker<false, void, maybe_initiate_ping"
     "(grpc_chttp2_transport*)::$_0::operator()(grpc_core::Chttp2PingRatePolicy::TooSoon) const::{lambda()#1}&>"
     "(absl::lts_20250814::internal_any_invocable::TypeErasedState*)",
     "maybe_initiate_ping::{lambda}::{lambda}"},
    // Lambdas: the call operator and the function pointer's body are the lambda.
    {"arrow::csv::InferStatus::MakeConverter(arrow::MemoryPool*)::{lambda(std::shared_ptr<arrow::DataType>)#2}::"
     "operator()(std::shared_ptr<arrow::DataType>) const",
     "arrow::csv::InferStatus::MakeConverter::{lambda}"},
    {"tensorflow::{lambda(tensorflow::KernelDef const*)#180}::operator()(tensorflow::KernelDef const*) const::"
     "{lambda(tensorflow::OpKernelConstruction*)#1}::_FUN(tensorflow::OpKernelConstruction*)",
     "tensorflow::{lambda}::{lambda}"},
    // The manager copies and destroys what it wraps; it does not call it.
    {"std::_Function_base::_Base_manager<llvm::CombinerHelper::matchUMulHToLShr(llvm::MachineInstr&) const::$_0>::"
     "_M_manager(std::_Any_data&, std::_Any_data const&, std::_Manager_operation)",
     "std::_Function_base::_Base_manager<...>::_M_manager"},
    // Return types: templates, references, function pointers.
    {"tensorflow::tpu::BoundedAdagradParameters* google::protobuf::Arena::CreateMaybeMessage<tensorflow::tpu::"
     "BoundedAdagradParameters>(google::protobuf::Arena*)",
     "google::protobuf::Arena::CreateMaybeMessage<BoundedAdagradParameters>"},
    {"std::iterator_traits<llvm::bf_iterator<llvm::Loop*> >::difference_type std::distance<llvm::bf_iterator<llvm::"
     "Loop*> >(llvm::bf_iterator<llvm::Loop*>, llvm::bf_iterator<llvm::Loop*>)",
     "std::distance<bf_iterator<...>>"},
    {"arrow::Status (*arrow::compute::internal::Generate<arrow::Status (*)(arrow::compute::KernelContext*), "
     "arrow::compute::internal::(anonymous namespace)::CompareKernel>(arrow::compute::detail::GetTypeId))"
     "(arrow::compute::KernelContext*)",
     "arrow::compute::internal::Generate<...>"},
    {"decltype (declval<int>()) foo::bar<int>(int)", "foo::bar<int>"},
    {"mlir::LogicalResult mlir::tosa::(anonymous namespace)::matchAndRewriteAddSub<mlir::TFL::AddOp, mlir::tosa::AddOp>"
     "(mlir::Operation*, mlir::OperandRange, mlir::PatternRewriter&) [clone .isra.1931]",
     "mlir::tosa::matchAndRewriteAddSub<AddOp, AddOp>"},
    // Operators.
    {"operator new(unsigned long)", "operator new"},
    {"operator delete[](void*, unsigned long)", "operator delete[]"},
    {"std::ostream& std::operator<< <std::char_traits<char> >(std::ostream&, char const*)", "std::operator<<"},
    {"Foo::operator bool() const", "Foo::operator bool"},
    {"bool std::operator< <int>(std::vector<int> const&, std::vector<int> const&)", "std::operator<<int>"},
    {"tensorflow::functor::ReduceMiddleDimensions<long, long, long, Eigen::internal::scalar_sum_op<long, long>, "
     "Eigen::internal::SumReducer<long> >::operator()<3>(Eigen::ThreadPoolDevice const&)",
     "tensorflow::functor::ReduceMiddleDimensions<...>::operator()<3>"},
    {"A<((1)>(2))>::g()", "A<...>::g"},
    {"A<&B::operator->>::g()", "A<operator->>::g"},
    // Strings and their kin.
    {"void f<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > >(int)", "f<string>"},
    {"std::function<void ()>::operator()() const", "std::function<...>::operator()"},
    // C, Rust, data.
    {"_PyEval_EvalFrameDefault", "_PyEval_EvalFrameDefault"},
    {"core::ops::function::FnOnce::call_once{{vtable.shim}}", "core::ops::function::FnOnce::call_once"},
    {"polars_core::frame::DataFrame::sort::{{closure}}", "polars_core::frame::DataFrame::sort::{closure}"},
    {"<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop", "<Vec<...> as Drop>::drop"},
    {"vtable for tensorflow::ThreadPoolDevice", "vtable for tensorflow::ThreadPoolDevice"},
    // Names the demangler does not know yet.
    {"_ZZN10tensorflow7functor12HandleCopiesIhilTnT1_Lln1EEES2_PNS_15OpKernelContextENS_6TensorEENKUlllE_clEll",
     "tensorflow::functor::HandleCopies::{lambda}"},
    {"_ZNSt17_Function_handlerIFvllEZN10tensorflow7functor19HandleCopiesBatchedIhilTnT1_Ll10EEES6_EUlllE_E9_M_invokeE",
     "tensorflow::functor::HandleCopiesBatched::{lambda}"},
};

TEST(ShortenFunctionName, RealNames) {
  for (const Name& name : kNames) EXPECT_EQ(shorten_function_name(name.full), name.brief) << name.full;
}

TEST(ShortenFunctionName, GarbageIsNeverLongerNorEmpty) {
  const std::vector<std::string> garbage = {"(",
                                            ")",
                                            "<",
                                            ">",
                                            "<<<>>>",
                                            "a<b",
                                            "a(b",
                                            "::",
                                            "::::",
                                            "operator",
                                            " ",
                                            "a::",
                                            "{",
                                            "}{",
                                            "[",
                                            "&*&",
                                            "_Z",
                                            "_ZN",
                                            "_ZN99999999999999999999a",
                                            "operator()",
                                            "operator ",
                                            "(*)(",
                                            "'lambda'",
                                            "x::operator<",
                                            "f(*)"};
  for (const std::string& text : garbage) {
    const std::string out = shorten_function_name(text);
    EXPECT_FALSE(out.empty()) << text;
    EXPECT_LE(out.size(), text.size()) << text;
  }
  EXPECT_EQ(shorten_function_name(""), "");
}

TEST(ShortenFunctionName, EveryPrefixOfARealNameIsSurvived) {
  for (const Name& name : kNames) {
    for (std::size_t size = 1; size < name.full.size(); ++size) {
      const std::string cut = name.full.substr(0, size);
      const std::string out = shorten_function_name(cut);
      EXPECT_FALSE(out.empty());
      EXPECT_LE(out.size(), cut.size()) << cut;
    }
  }
}

TEST(ShortenFunctionName, LongNamesLoseArgumentsThenNamespaces) {
  const std::string space(60, 'n');
  const std::string out = shorten_function_name(space + "::" + space + "::Class<int, int>::method(int)");
  EXPECT_LE(out.size(), 90U);
  EXPECT_TRUE(out.ends_with("Class<...>::method")) << out;
}

TEST(Demangle, SchemesAndSuffixes) {
  EXPECT_EQ(demangle("_ZN10tensorflow6Tensor3dimEi"), "tensorflow::Tensor::dim(int)");
  EXPECT_EQ(demangle("raise@@GLIBC_2.2.5"), "raise");
  EXPECT_EQ(demangle("cfunction_call.cold"), "cfunction_call");
  EXPECT_EQ(demangle("f.part.0.constprop.1"), "f");
  EXPECT_EQ(demangle("_Z3foov.part.0"), "foo() [clone .part.0]");
  EXPECT_EQ(demangle("_RNvCskwGfYPst2Cb_3foo16example_function"), "foo::example_function");
  EXPECT_EQ(demangle("_ZN4core3ops8function6FnOnce9call_once17h0123456789abcdefE"),
            "core::ops::function::FnOnce::call_once");
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle(""), "");
  EXPECT_EQ(demangle("_Z"), "_Z");
  EXPECT_EQ(demangle("_ZNN"), "_ZNN");
}

TEST(Demangle, LongNamesAreDemangledWithoutLimitOfTheLibrary) {
  std::string name = "_Z1f";
  for (int i = 0; i < 500; ++i) name += "3Foo";  // parameters beyond libiberty's own limit of 1,024 characters
  EXPECT_TRUE(demangle(name).starts_with("f(Foo, Foo"));
}

TEST(Demangle, HostileNamesAreGivenUp) {
  EXPECT_EQ(demangle("_Z" + std::string(100'000, 'P')), "_Z" + std::string(100'000, 'P')) << "too long";
  (void)demangle("_Z1f" + std::string(8000, 'P') + "i");  // as deep as is admitted: must not exhaust the stack
  // Each pair refers twice to the one before: 36 levels would print as 2^36 pairs.
  const auto doubling = [](int levels) {
    std::string name = "_Z1fSt4pairIiiE";
    for (int i = 0; i < levels; ++i) {
      const char digit = i < 10 ? static_cast<char>('0' + i) : static_cast<char>('A' + i - 10);
      name += std::string("S_IS") + digit + "_S" + digit + "_E";
    }
    return name;
  };
  EXPECT_TRUE(demangle(doubling(4)).starts_with("f(std::pair<int, int>, std::pair<std::pair<int, int>"));
  EXPECT_EQ(demangle(doubling(36)), doubling(36));
}

}  // namespace
}  // namespace segwhy
