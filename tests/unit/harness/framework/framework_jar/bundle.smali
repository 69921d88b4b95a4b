# android.os.BaseBundle with the field of Android 16 that changes its parcel.
.class public Landroid/os/BaseBundle;
.super Ljava/lang/Object;

.field mHasIntent:Z
