// Stands in for BoringSSL: transport.h includes this header and needs nothing of it (see authentication.cpp).
#pragma once
