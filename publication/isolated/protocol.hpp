#pragma once
// What server and inspector say to each other over their socket. Lengths are checked on both sides; the answer is treated like
// any foreign input. Not for other folders.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "publication/metadata.hpp"

namespace carrel::publication::isolated {

constexpr int child_socket = 3;
// Only what lists show at once; larger ones are cut afterwards from masters that have passed here (covers.hpp).
constexpr std::array<int, 1> thumbnail_edges{300};

enum class task : std::uint32_t { inspect, convert, locate, picture, sidecar, glance, outline, piece, fit, copy, quotes };
inline bool writes(task t) { return t == task::convert || t == task::copy; }

struct request_head {
  std::uint64_t memory = 0, cpu_ms = 0;
  task what = task::inspect;
  std::uint32_t name_size = 0,
                wish_size = 0;  // of what follows: the name of the file; the limits, how to convert it, or what to find
};
constexpr std::uint32_t longest_name = 4096, longest_wish = 2U << 20;

// Behind it JSON, a cover or picture or the span map of a conversion or the measure of a book or an outline or piece, thumbnails.
struct answer_head {
  std::uint64_t resident = 0;  // bytes
  std::uint32_t json_size = 0, attached_size = 0;
  std::array<std::uint32_t, thumbnail_edges.size()> thumbnail_size{};
};
constexpr std::uint32_t longest_attached = 32U << 20, longest_thumbnail = 8U << 20;

const refusal no_memory{"inspection_limit", "memory"};  // after it the child ends: a fresh one has the memory back

using deadline = std::optional<std::chrono::steady_clock::time_point>;

enum class io { ok, closed, late };
io send_all(int socket, const void* data, std::size_t size, deadline);
io receive_all(int socket, void* data, std::size_t size, deadline);

// The head of a request travels with the descriptor.
io send_request(int socket, const request_head&, int descriptor, deadline);
// The descriptor is -1 when none came.
io receive_request(int socket, request_head&, int& descriptor);

}  // namespace carrel::publication::isolated
