# android.app.IActivityManager$Stub as aidl generates it for Android 16, of its methods those that count here.
.class public abstract Landroid/app/IActivityManager$Stub;
.super Ljava/lang/Object;

.field private static final DESCRIPTOR:Ljava/lang/String; = "android.app.IActivityManager"
.field static final TRANSACTION_broadcastIntentWithFeature:I = 26
.field static final TRANSACTION_finishReceiver:I = 28
.field static final TRANSACTION_registerReceiverWithFeature:I = 22
.field static final TRANSACTION_unregisterReceiver:I = 23
.field static final TRANSACTION_aMethodFarDown:I = 300
