#pragma once
// What a coroutine of Carrel returns. Prepare on one line, await on the next (architecture.md 6).

#include <boost/asio/awaitable.hpp>

namespace carrel {

template <class T = void>
using task = boost::asio::awaitable<T>;

}  // namespace carrel
