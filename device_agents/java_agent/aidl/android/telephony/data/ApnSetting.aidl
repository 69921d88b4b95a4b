package android.telephony.data; parcelable ApnSetting;
