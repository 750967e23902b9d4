#pragma once
// Databases for tests: one private cluster for the process, started by the product's own code with its own settings, a
// template migrated once, and a clone of it for each test case.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "server/db/migrate.hpp"

namespace carrel::harness {

// The folder of this test process; removed at exit when everything passed. It is the current directory.
const std::filesystem::path& folder();
std::filesystem::path fresh_folder(const std::string& name);  // a new one in it

// What the template database gets; to be called once, before the first database is made. Without it: nothing.
void use_migrations(std::vector<db::migration>);

// A clone of the template; dropped at the end unless something failed in between, and then its name is printed.
class database {
 public:
  database();
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  const std::string& url() const { return url_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::string url_;
  unsigned failures_before_;
};

// The same without an object; dropped when the process ends.
std::string fresh_database();

// An administrator's connection string to the cluster ("carrel", the empty database of every cluster).
std::string cluster_url();

// For main.cpp: gives up root, makes folder() and enters it; returns false (with a message) when that is not possible.
bool begin(const char* program);
void count_failure();
// Stops the cluster; removes the folder unless something failed.
void end();

}  // namespace carrel::harness
