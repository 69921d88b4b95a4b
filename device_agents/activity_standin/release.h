// The release of Android whose calls and parcelables the stand-in has: 10 on that one's libbinder, 11 on later ones,
// whose parcels of such calls are the same.
#pragma once

inline constexpr bool OF_ANDROID_10 = ANDROID_GENERATION == 10;
