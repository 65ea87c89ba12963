#include "pystate/origin.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace segwhy::pystate {
namespace {

namespace fs = std::filesystem;

class Origin : public testing::Test {
 protected:
  Origin() {
    std::string name = testing::TempDir() + "origin_XXXXXX";
    root = ::mkdtemp(name.data());
  }
  ~Origin() override { fs::remove_all(root); }

  void touch(const std::string& path) {
    fs::create_directories(fs::path(root + path).parent_path());
    std::ofstream(root + path) << "\n";
  }
  std::string of(const std::string& file) { return origin_of(file, {"/usr/lib/python3.8"}, root); }

  std::string root;
};

TEST_F(Origin, PlacesThatTheUserWritesIn) {
  for (const char* file :
       {"/home/me/train.py", "train.py", "./train.py", "/home/me/python3.8/train.py", "/usr/lib/python3.8.py",
        "/usr/lib/python3.8x/train.py", "/home/me/lib/python3.8/train.py", "/home/me/site-packages.py",
        "/home/me/my-site-packages/train.py", "/usr/bin/tool", "/tmp/ipykernel_12/34.py"})
    EXPECT_EQ(of(file), kOriginUser) << file;
}

TEST_F(Origin, InstalledPackages) {
  for (const char* file :
       {"/usr/lib/python3.8/site-packages/numpy/core.py", "/usr/lib/python3/dist-packages/apt/x.py",
        "/home/me/project/.venv/lib/python3.8/site-packages/a.py", "/home/me/.local/lib/python3.8/site-packages/a/b.py",
        "/home/me/eggs/thing-1.0-py3.8.egg/thing/x.py",
        "/root/.pex/installed_wheels/0/numpy-1.0-py3-none-any.whl/numpy/x.py",
        ".venv/lib/python3.8/site-packages/a.py"})
    EXPECT_EQ(of(file), kOriginPackage) << file;
}

TEST_F(Origin, AFolderThatTheUserCalledSitePackagesIsTheUsers) {
  touch("/srv/site-packages/train.py");
  EXPECT_EQ(of("/srv/site-packages/train.py"), kOriginUser);
  touch("/srv/site-packages/numpy-1.0.dist-info/RECORD");
  EXPECT_EQ(of("/srv/site-packages/train.py"), kOriginPackage);
  // One that cannot be seen goes by its name.
  EXPECT_EQ(of("/elsewhere/site-packages/train.py"), kOriginPackage);
}

TEST_F(Origin, TheStandardLibrary) {
  EXPECT_EQ(of("/usr/lib/python3.8/threading.py"), kOriginStdlib);
  EXPECT_EQ(of("/usr/lib/python3.8/../python3.8/asyncio/x.py"), kOriginStdlib);
  EXPECT_EQ(of("<frozen importlib._bootstrap>"), kOriginFrozen);
}

TEST_F(Origin, NamesThatAreNoFiles) {
  for (const char* name : {"<string>", "<stdin>", "<ipython-input-3-1234>", "<doctest a[0]>"})
    EXPECT_EQ(of(name), kOriginUser) << name;
  for (const char* name : {"<__array_function__ internals>", "<attrs generated init>", ""})
    EXPECT_EQ(of(name), "") << name;
}

TEST_F(Origin, TheStandardLibraryIsFoundFromTheInterpretersFiles) {
  touch("/opt/py/lib/python3.8/os.py");
  Snapshot snapshot;
  snapshot.root = root;
  snapshot.executable = "/opt/py/bin/python3.8";
  EXPECT_EQ(find_stdlib(snapshot, "/opt/py/lib/x86_64-linux-gnu/libpython3.8.so.1.0", 8),
            std::vector<std::string>{"/opt/py/lib/python3.8"});
}

TEST_F(Origin, TheStandardLibraryOfAnEnvironmentWithACopiedInterpreter) {
  touch("/opt/py/lib/python3.8/os.py");
  fs::create_directories(root + "/home/me/venv/bin");
  std::ofstream(root + "/home/me/venv/pyvenv.cfg") << "home = /opt/py/bin\nversion = 3.8.18\n";
  Snapshot snapshot;
  snapshot.root = root;
  snapshot.executable = "/home/me/venv/bin/python";
  EXPECT_EQ(find_stdlib(snapshot, snapshot.executable, 8), std::vector<std::string>{"/opt/py/lib/python3.8"});
}

TEST_F(Origin, TheStandardLibraryIsFoundFromTheExtensionModulesItLoaded) {
  touch("/strange/place/python3.8/os.py");
  Snapshot snapshot;
  snapshot.root = root;
  snapshot.executable = "/usr/bin/app";
  Mapping m;
  m.path = "/strange/place/python3.8/lib-dynload/_ctypes.cpython-38-x86_64-linux-gnu.so";
  snapshot.mappings.push_back(m);
  EXPECT_EQ(find_stdlib(snapshot, "/usr/bin/app", 8), std::vector<std::string>{"/strange/place/python3.8"});
}

}  // namespace
}  // namespace segwhy::pystate
