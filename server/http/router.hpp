#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.hpp"

namespace carrel::http {

// Patterns such as "/books/{id}/files/{file}"; a last segment "{rest...}" takes the remaining path, which may be empty. Literal
// segments win over parameters. A trailing slash and doubled slashes in the request are ignored, so "/opds/" and "//opds" find
// "/opds". HEAD finds the GET route. A path that exists with other methods answers 405 with Allow; OPTIONS answers 204 with Allow
// unless the route itself handles it. %2F inside a segment stays part of the segment.
class router {
 public:
  router();
  ~router();
  router(const router&) = delete;
  router& operator=(const router&) = delete;

  void use(middleware);  // for every route of this router or group added before or after; outermost first
  void add(verb, const std::string& pattern, handler, route_options = {});

  // A part of the tree below `prefix` with its own middlewares (inside those of its parent), its own rendering of problems,
  // and its own answer for unknown paths below the prefix. The reference lives as long as the root router. A group without
  // `errors` renders as its parent does. Routes and middlewares are added before the first find(), in one thread.
  router& group(const std::string& prefix, std::function<response(const context&, const problem&)> errors = nullptr);
  // Called instead of throwing 404 for paths below this group's prefix that no route matches.
  void otherwise(handler);

  struct match {
    const handler* run = nullptr;  // middlewares are already wrapped around it
    // Of a route whose body goes to a file: its middlewares alone. Answers 204 when they let the request through; asked before
    // the body is read.
    const handler* admit = nullptr;
    route_options options;
    std::vector<std::pair<std::string, std::string>> params;
    std::string_view pattern;                                        // for metrics and the openapi test
    std::function<response(const context&, const problem&)> errors;  // of the innermost group; may be empty
  };
  // Takes the path as sent (percent-encoded). Never fails: what cannot be served matches a handler that throws the right
  // problem. An unknown path below a group's prefix runs the innermost group's otherwise() handler inside that group's
  // middlewares; without one it throws 404, rendered by that group, inside the root's middlewares only. A wrong method
  // throws 405 with Allow, inside the root's middlewares too. For all of these `pattern` is empty.
  match find(verb, std::string_view raw_path) const;

  // All "METHOD pattern" of the tree, for the test that compares openapi.json with the router.
  std::vector<std::pair<verb, std::string>> routes() const;

  struct node;

 private:
  struct index;
  struct search;
  explicit router(std::unique_ptr<node>);
  std::unique_ptr<node> node_;  // this router's own part: prefix, middlewares, routes, groups
  mutable std::once_flag built_;
  mutable std::unique_ptr<index> index_;  // of the whole tree below, built at the first find()
};

}  // namespace carrel::http
